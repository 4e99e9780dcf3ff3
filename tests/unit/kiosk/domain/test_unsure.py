"""A face that may be a picture marks nobody: a second factor or the teacher decides."""

from dataclasses import replace

import pytest

from kiosk.domain.liveness import LivenessReading, LivenessVerdict
from kiosk.domain.screens import (
    AskPin,
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
    PinPurpose,
    Ready,
    Screen,
    Welcome,
)
from protocol.v1.messages import Direction, EventMethod, Fallback, LivenessLevel
from tests.unit.kiosk.domain.desk_door import (
    ANA,
    ANN,
    CARDS,
    CEM,
    DOV,
    EVA,
    PINS,
    PRINTED,
    DeskDoor,
    asked,
    marks,
    timetable,
    unlocked,
)
from tests.unit.kiosk.domain.door import LESSON

UNDECIDED = LivenessReading(LivenessVerdict.UNDECIDED, 0.4, LivenessLevel.PASSIVE)


@pytest.mark.parametrize("level", [LivenessLevel.PASSIVE, LivenessLevel.ACTIVE])
def test_an_undecided_face_is_asked_for_its_pin_and_then_marked(level: LivenessLevel) -> None:
    door = DeskDoor()
    screen = door.unsure(CEM, level)
    assert isinstance(screen, AskPin)
    assert (screen.purpose, screen.takes_pin) == (PinPurpose.UNSURE, True)
    assert door.events() == []

    assert isinstance(door.pin(PINS[CEM]), Welcome)
    (event,) = door.outbox.drafts
    assert (event.method, event.second) == (EventMethod.FACE, EventMethod.PIN)
    assert event.evidence is not None
    assert event.evidence.liveness == replace(UNDECIDED, level=level)


def test_a_card_is_a_second_factor_too() -> None:
    door = DeskDoor(frozenset({Fallback.CARD, Fallback.CARD_ALONE}))
    screen = door.unsure(CEM)
    assert isinstance(screen, AskPin)
    assert not screen.takes_pin
    assert isinstance(door.swipes(CARDS[CEM]), Welcome)
    assert [one.second for one in door.outbox.drafts] == [EventMethod.CARD]


def test_a_printed_card_keeps_the_question_that_it_answers() -> None:
    door = DeskDoor()
    door.unsure(ANA)
    screen = door.scans(PRINTED[ANA])
    assert isinstance(screen, AskPin)
    assert screen.purpose is PinPurpose.UNSURE


def test_a_phone_says_who_it_is_and_the_event_that_the_face_was_undecided() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    assert isinstance(door.scans(door.code(CEM)), Welcome)
    (event,) = door.outbox.drafts
    assert (event.method, event.evidence, event.liveness) == (EventMethod.QR, None, UNDECIDED)


def test_the_pin_of_another_person_does_not_mark_the_face() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    assert isinstance(door.pin(PINS[ANA]), AskPin)
    assert door.events() == []


def test_no_name_is_shown_and_no_one_marked_where_the_person_has_no_other_way() -> None:
    door = DeskDoor(frozenset({Fallback.TEACHER, Fallback.PIN}))
    screen = door.unsure(DOV)  # who has a printed card alone
    ways = (Fallback.PIN, Fallback.TEACHER)
    assert screen == NotRecognised(NotRecognisedReason.UNSURE, ways)
    assert door.events() == []

    door.later(6)
    assert asked(unlocked(door)) == {DOV}
    answered = door.taps(DOV)
    assert (marks(answered)[DOV], asked(answered)) == ("present", set())
    (event,) = door.outbox.drafts
    assert (event.method, event.liveness) == (EventMethod.TEACHER, UNDECIDED)
    assert event.by is not None


def test_without_any_way_the_teacher_is_named() -> None:
    door = DeskDoor(frozenset())
    assert door.unsure(CEM) == NotRecognised(NotRecognisedReason.UNSURE)
    assert door.events() == []


def test_who_leaves_the_question_stays_one_for_the_teacher() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    door.later(25)
    assert not door.desk.is_open
    assert asked(unlocked(door)) == {CEM}


def test_behind_another_persons_pad_a_face_waits_until_it_closes() -> None:
    door = DeskDoor()
    door.open_pin()
    screen = door.unsure(CEM)
    assert isinstance(screen, AskPin)
    assert screen.purpose is PinPurpose.CHECK_IN
    screen = door.later(21)
    assert isinstance(screen, AskPin)
    assert screen.purpose is PinPurpose.UNSURE
    door.closes()
    assert asked(unlocked(door)) == {CEM}


def test_a_sure_face_ends_the_doubt() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    door.closes()
    assert isinstance(door.comes(CEM), Welcome)
    assert [one.liveness for one in door.outbox.drafts] == [None]
    assert asked(unlocked(door)) == set()


def test_a_pin_used_later_on_its_own_says_what_was_doubted() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    door.closes()
    door.open_pin()
    door.pin(PINS[CEM])
    door.says(is_yes=True)
    assert [(one.method, one.liveness) for one in door.outbox.drafts] == [
        (EventMethod.PIN, UNDECIDED)
    ]


def test_an_undecided_look_alike_is_asked_once_and_either_of_both_may_answer() -> None:
    door = DeskDoor()
    screen = door.unsure(ANA)
    assert isinstance(screen, AskPin)
    assert screen.purpose is PinPurpose.UNSURE
    assert isinstance(door.pin(PINS[ANN]), Welcome)
    assert [(person, method) for _, person, method, _ in door.events()] == [(ANN, "pin")]


def test_one_who_is_on_the_list_is_neither_greeted_nor_checked_out() -> None:
    """A picture held up in leaving time must not say that the person has left."""
    asking = LESSON.policy.model_copy(update={"direction": "ask"})
    door = DeskDoor()
    table = timetable()
    lesson = replace(table.lessons[0], policy=asking)
    door.attendant.configure(replace(table, lessons=(lesson,)))
    door.comes(CEM)
    door.later((LESSON.ends_at - door.clock.at).total_seconds() - 120)
    assert isinstance(door.unsure(CEM), AskPin)
    door.closes()
    assert [one.direction for one in door.outbox.drafts] == [Direction.IN]
    assert asked(unlocked(door)) == set()


@pytest.mark.parametrize(
    ("person", "shown"), [(EVA, Notice), (CEM, AskPin)], ids=["not due", "due"]
)
def test_who_is_not_due_is_not_told_where_to_go(person: str, shown: type[Screen]) -> None:
    door = DeskDoor()
    screen = door.unsure(person)
    assert isinstance(screen, shown)
    assert screen == Notice(NoticeReason.NOT_ON_LIST) or person == CEM
    assert door.events() == []


def test_outside_lessons_nobody_is_asked_for_anything() -> None:
    door = DeskDoor()
    door.attendant.configure(replace(timetable(), lessons=()))
    assert door.unsure(CEM) == Notice(NoticeReason.NOTHING_RUNNING)
    assert isinstance(door.later(30), Ready)
    assert door.events() == []


def test_a_later_look_alike_doubt_does_not_hide_that_a_face_was_undecided() -> None:
    door = DeskDoor()
    roll = door.desk.roll
    roll.doubt(ANA, LESSON.id, UNDECIDED)
    roll.doubt(ANA, LESSON.id)
    assert roll.doubt_about(ANA, LESSON.id) == UNDECIDED
