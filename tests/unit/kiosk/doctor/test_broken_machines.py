"""Each broken machine: the doctor names the problem and its fix, and blames nothing else."""

import re

import pytest

from kiosk.doctor import CHECK_NAMES, CheckResult
from tests.unit.kiosk.doctor.bench import Bench
from tests.unit.kiosk.doctor.broken import BROKEN, FAIL, WARN, Broken


def test_a_machine_in_order_has_no_problem(bench: Bench) -> None:
    found = bench.examine()
    assert {name: one.words for name, one in found.items() if one.result is not CheckResult.OK} == {
        "dns": "The server is set by its address and needs no name."
    }
    assert tuple(found) == ("settings", *CHECK_NAMES)


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_machine_is_named_with_its_fix(
    broken: Broken, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken.how(bench, monkeypatch)
    found = bench.examine()
    named = found[broken.check]
    assert named.result is broken.result, named
    assert re.search(broken.words, named.words)
    assert re.search(broken.fix, named.fix)
    bad = {name for name, one in found.items() if one.result in (WARN, FAIL)}
    assert bad - {broken.check} <= set(broken.also)
    assert all(one.words.endswith(".") for one in found.values())
    english = {name for name, one in found.items() if one.text.in_language("ar") is None}
    assert english <= {"claim"}  # what the status of an older kiosk says has no code
