"""Who makes templates of clear scans hears of marks that are on disk, and of "Not me"."""

from kiosk.domain.events import EventDraft
from kiosk.domain.screens import NotRecognised, NotRecognisedReason
from tests.unit.kiosk.domain.door import Door


class Listener:
    """Remembers what it heard; `MarkListener`."""

    def __init__(self) -> None:
        self.marks: list[tuple[int, str, str, float]] = []
        self.denied: list[str] = []

    def marked(self, track_id: int, event_id: str, draft: EventDraft, window_s: float) -> None:
        self.marks.append((track_id, event_id, draft.person_id, window_s))

    def taken_back(self, person_id: str) -> None:
        self.denied.append(person_id)


def test_a_new_mark_is_told_with_its_track_and_event() -> None:
    listener = Listener()
    door = Door(listener=listener)
    door.comes("p1", track=7)
    door.comes("p2", track=8)

    assert listener.marks == [(7, "event-1", "p1", 5.0), (8, "event-2", "p2", 5.0)]


def test_repeats_and_people_who_are_not_due_here_are_not_told() -> None:
    listener = Listener()
    door = Door(listener=listener)
    door.comes("p1")
    door.comes("p1")
    door.comes("p3")
    door.comes("p4")

    assert [mark[2] for mark in listener.marks] == ["p1"]


def test_not_me_is_told_of_a_mark_and_of_a_repeat() -> None:
    listener = Listener()
    door = Door(listener=listener)
    door.comes("p1")
    door.attendant.not_me()
    assert listener.denied == ["p1"]
    door.comes("p2")
    door.later(60)
    door.comes("p2")
    assert door.attendant.not_me() == NotRecognised(NotRecognisedReason.NOT_ME)

    assert listener.denied == ["p1", "p2"]


def test_a_tap_that_comes_too_late_is_not_told() -> None:
    listener = Listener()
    door = Door(listener=listener)
    door.comes("p1")
    door.clock.advance(5.0)
    door.attendant.not_me()

    assert listener.denied == []


def test_a_mark_that_waited_for_the_disk_is_not_told() -> None:
    listener = Listener()
    door = Door(listener=listener)
    door.outbox.is_disk_full = True
    door.comes("p1")
    door.outbox.is_disk_full = False
    door.later(10)

    assert len(door.outbox.drafts) == 1
    assert listener.marks == []
