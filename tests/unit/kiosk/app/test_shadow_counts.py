"""The counts of a change last from its start to its end, over restarts."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kiosk.app.shadow_counts import ShadowTally
from kiosk.domain.shadow import ShadowOutcome
from kiosk.storage.shadow_counts import ShadowCountsFile
from protocol.v1.messages import NetworkChoice, Status
from tests.fakes.kiosk_clock import START, ManualClock

CURRENT, NEXT = "dlib-resnet-v1", "sface-2021dec"
CHANGE = NetworkChoice(current=CURRENT, next=NEXT)


def tally_in(folder: Path, choice: NetworkChoice | None = CHANGE) -> ShadowTally:
    tally = ShadowTally(ShadowCountsFile(folder / "shadow.json"), ManualClock())
    tally.follow(choice)
    return tally


@settings(max_examples=25)
@given(st.lists(st.sampled_from(ShadowOutcome) | st.just("restart"), max_size=30))
def test_counts_are_kept_over_a_restart(
    tmp_path_factory: pytest.TempPathFactory, steps: list[ShadowOutcome | str]
) -> None:
    folder = tmp_path_factory.mktemp("tally")
    tally = tally_in(folder)
    for step in steps:
        if isinstance(step, ShadowOutcome):
            tally.add(step, CURRENT, NEXT)
        else:
            tally.save()
            tally = tally_in(folder)

    counts = tally.counts()
    assert counts is not None
    assert counts.since == START
    for outcome in ShadowOutcome:
        assert getattr(counts, outcome.value) == steps.count(outcome)
    sent = Status.model_validate_json(Status(online=True, shadow=counts).model_dump_json())
    assert sent.shadow == counts


def test_a_scan_of_another_change_does_not_count(tmp_path: Path) -> None:
    tally = tally_in(tmp_path)
    tally.add(ShadowOutcome.AGREED, CURRENT, "omz-0095")
    tally.add(ShadowOutcome.AGREED, NEXT, CURRENT)

    counts = tally.counts()
    assert counts is not None
    assert counts.agreed == 0


@pytest.mark.parametrize(
    "choice",
    [
        NetworkChoice(current=CURRENT, next="omz-0095"),
        NetworkChoice(current="omz-0095", next=NEXT),
    ],
)
def test_another_change_begins_at_nothing(tmp_path: Path, choice: NetworkChoice) -> None:
    tally = tally_in(tmp_path)
    tally.add(ShadowOutcome.MISSED, CURRENT, NEXT)
    tally.save()
    for other in (tally, tally_in(tmp_path)):
        other.follow(choice)
        counts = other.counts()
        assert counts is not None
        assert (counts.model_id, counts.missed) == (choice.next, 0)


@pytest.mark.parametrize("choice", [None, NetworkChoice(current=NEXT)])
def test_the_end_of_the_change_deletes_the_counts(
    tmp_path: Path, choice: NetworkChoice | None
) -> None:
    tally = tally_in(tmp_path)
    tally.add(ShadowOutcome.AGREED, CURRENT, NEXT)
    tally.follow(choice)

    assert tally.counts() is None
    assert list(tmp_path.iterdir()) == []
    tally.save()
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_begins_again(tmp_path: Path) -> None:
    (tmp_path / "shadow.json").write_bytes(b'{"counts": 3')
    counts = tally_in(tmp_path).counts()

    assert counts is not None
    assert counts.agreed == 0
