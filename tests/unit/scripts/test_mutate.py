"""Every mutation can be applied: the list is read, its text stands in the code, its tests exist."""

import pytest

from scripts.mutate import Mutation, mutated, mutations
from scripts.size_ratchet import ROOT


@pytest.mark.parametrize("mutation", mutations(), ids=lambda one: one.rule)
def test_text_to_change_stands_in_the_code_once(mutation: Mutation) -> None:
    text = (ROOT / mutation.file).read_text(encoding="utf-8")

    assert mutated(text, mutation) != text


@pytest.mark.parametrize("mutation", mutations(), ids=lambda one: one.rule)
def test_tests_that_must_notice_exist(mutation: Mutation) -> None:
    files = [one.split("::")[0] for one in mutation.tests if one.startswith("tests/")]

    assert files
    assert [one for one in files if not (ROOT / one).exists()] == []


def test_each_rule_stands_in_the_list_once() -> None:
    rules = [one.rule for one in mutations()]

    assert sorted(set(rules)) == sorted(rules)


def test_mutation_without_its_text_in_the_code_is_an_error() -> None:
    gone = Mutation("a rule", "a.py", old="old", new="new", tests=("tests/unit",))

    with pytest.raises(ValueError, match="holds 'old' 0 times"):
        mutated("other text", gone)
