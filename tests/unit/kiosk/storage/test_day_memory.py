"""A restarted kiosk knows who is on the list, from the same file as the events."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.domain.events import EventDraft, MatchEvidence
from kiosk.domain.marks import Denial, MarkMemory, RememberedMark
from kiosk.storage.database import Durability, SQLiteFile
from kiosk.storage.outbox import SQLiteOutbox
from kiosk.storage.outbox_schema import MIGRATIONS
from protocol.v1.messages import ArrivalStatus, Direction, EventKind, EventMethod
from tests.fakes.kiosk_clock import START, ManualClock
from tests.unit.kiosk.storage.drafts import SIGNER, ack, draft, hand_over, opened, outbox_in

LATE = replace(draft(), shown=ArrivalStatus.LATE)
OTHER = "019ab0c0-0000-7000-8000-000000000001"
AT = START + timedelta(milliseconds=12)


def reopened(folder: Path, *, hours: float = 0) -> MarkMemory:
    outbox = SQLiteOutbox(
        folder / "outbox.db", SIGNER, ManualClock(START + timedelta(hours=hours)), 1000
    )
    memory = outbox.memory()
    outbox.close()
    return memory


def not_me(refers_to: str, distance: float = 0.31) -> EventDraft:
    evidence = MatchEvidence(distance, 0.2, 0.5, 0.9, "dlib-resnet-v1")
    return replace(draft(), kind=EventKind.NOT_ME, refers_to=refers_to, evidence=evidence)


def test_mark_survives_a_restart_and_its_delivery(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(LATE)
    hand_over(outbox, 10)
    outbox.settle(ack(1))
    outbox.close()

    expected = RememberedMark(event.event_id, "p1", "s1", AT, ArrivalStatus.LATE)
    assert reopened(tmp_path).marks == (expected,)


@pytest.mark.parametrize("unmarked", [draft(), draft(lesson_id=None)])
def test_sighting_that_showed_no_status_is_no_mark(tmp_path: Path, unmarked: EventDraft) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(unmarked)

    assert outbox.memory() == MarkMemory()


def test_not_me_takes_the_mark_out_and_keeps_the_closest_denied_distance(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(LATE)
    outbox.append(not_me(event.event_id, 0.31))
    outbox.append(not_me(OTHER, 0.4))

    assert outbox.memory() == MarkMemory(denials=(Denial("p1", "s1", 0.31),))


def test_a_teachers_word_is_the_status_after_a_restart(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(replace(draft(), shown=ArrivalStatus.PRESENT))
    word = replace(LATE, kind=EventKind.ROLL_CALL, method=EventMethod.TEACHER)
    outbox.append(word)
    outbox.close()

    assert {mark.status for mark in reopened(tmp_path).marks} == {ArrivalStatus.LATE}


def test_marks_of_another_day_are_forgotten(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(LATE)
    outbox.append(not_me(OTHER))
    outbox.close()

    assert reopened(tmp_path, hours=37) == MarkMemory()


def test_marks_come_out_of_a_damaged_file(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    event = outbox.append(LATE)
    outbox.append(replace(LATE, person_id="p2"))
    outbox.close()
    content = bytearray((tmp_path / "outbox.db").read_bytes())
    content[100:200] = bytes(100)
    (tmp_path / "outbox.db").write_bytes(content)

    saved = opened(tmp_path)

    assert saved.recovery is not None
    assert [mark.person_id for mark in saved.outbox.memory().marks] == ["p1", "p2"]
    assert saved.outbox.memory().marks[0].event_id == event.event_id


def test_file_of_the_version_before_is_taken_over(tmp_path: Path) -> None:
    old = SQLiteFile(tmp_path / "outbox.db", MIGRATIONS[:1], Durability.FULL)
    old.close()

    outbox = outbox_in(tmp_path)
    outbox.append(LATE)

    assert len(outbox.memory().marks) == 1


def test_a_leaving_survives_a_restart(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(replace(LATE, direction=Direction.IN))
    left = outbox.append(replace(LATE, direction=Direction.OUT))
    outbox.close()

    marks = reopened(tmp_path).marks
    assert [one.direction for one in marks] == [Direction.IN, Direction.OUT]
    assert marks[-1].event_id == left.event_id
