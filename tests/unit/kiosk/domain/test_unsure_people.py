"""Several people and unsure faces: who is asked, who waits, and which pad closes."""

from dataclasses import replace

import pytest

from kiosk.domain.credentials import CredentialBook
from kiosk.domain.desk import Desk
from kiosk.domain.desk_states import READ_S
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
from kiosk.domain.unsure import KEPT_S
from protocol.v1.messages import Direction, Fallback, Holder, HolderKind
from tests.unit.kiosk.domain.desk_door import (
    ANA,
    ANN,
    CARDS,
    CEM,
    DOV,
    PINS,
    PRINTED,
    SERVER,
    DeskDoor,
    asked,
    book,
    unlocked,
)
from tests.unit.kiosk.domain.door import LESSON


def purpose(screen: Screen) -> PinPurpose | None:
    return screen.purpose if isinstance(screen, AskPin) else None


def leaving(ways: frozenset[Fallback] | None = None, *, window_s: float = 300) -> DeskDoor:
    """A door whose lesson asks who leaves; Cem came, and the lesson is nearly over."""
    door = DeskDoor() if ways is None else DeskDoor(ways)
    update = {"direction": "ask", "duplicate_window_s": window_s}
    policy = LESSON.policy.model_copy(update=update)
    table = door.attendant.timetable
    lesson = replace(table.lessons[0], policy=policy)
    door.attendant.configure(replace(table, lessons=(lesson,)))
    door.comes(CEM)
    door.later((LESSON.ends_at - door.clock.at).total_seconds() - 120)
    return door


def knows(door: DeskDoor, changed: Holder) -> None:
    """Tell the kiosk other credentials of one person."""
    known = book()
    assert known.document is not None
    holders = tuple(changed if one.id == changed.id else one for one in known.document.holders)
    document = known.document.model_copy(update={"holders": holders})
    equipped = CredentialBook(document, known.pin_key, known.card_key)
    door.attendant.equip(equipped, SERVER.public_key(), door.codes)


def without_pin(person_id: str) -> Holder:
    found = book().holder(person_id, HolderKind.PERSON)
    assert found is not None
    return found.model_copy(update={"pin": None})


# Who is on the list already


def test_who_is_marked_and_stays_is_asked_for_nothing() -> None:
    door = DeskDoor()
    welcome = door.comes(CEM)
    assert isinstance(welcome, Welcome)
    assert door.unsure(CEM) == welcome
    assert isinstance(door.later(10), Ready)
    assert isinstance(door.unsure(CEM), Ready)
    door.later(600)  # the window is over, and nobody asks who leaves
    assert isinstance(door.unsure(CEM), Ready)
    assert len(door.events()) == 1


def test_a_pad_never_covers_the_result_of_its_own_person() -> None:
    door = leaving(window_s=0)
    assert isinstance(door.comes(CEM), Welcome)
    assert isinstance(door.unsure(CEM), Welcome)
    door.later(10)
    assert purpose(door.unsure(CEM)) is PinPurpose.UNSURE


def test_a_look_alikes_pad_never_covers_their_own_result() -> None:
    door = DeskDoor()
    door.outbox.is_disk_full = True
    door.comes(ANA)
    assert door.pin(PINS[ANA]) == Notice(NoticeReason.NOT_SAVED)
    assert door.comes(ANA) == Notice(NoticeReason.NOT_SAVED)


def test_ones_own_second_look_closes_the_pad_that_it_answers() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    door.attendant.act(Desk.touch)
    assert isinstance(door.comes(CEM), Welcome)
    assert not door.desk.is_open
    door.later(10)
    assert asked(unlocked(door)) == set()


def test_a_doubt_that_waits_is_not_shown_to_who_is_marked_meanwhile() -> None:
    door = DeskDoor(frozenset())
    door.stranger(door.new_track())
    door.unsure(CEM)
    door.comes(CEM)
    shown = [door.later(0.8) for _ in range(12)]
    assert any(isinstance(screen, Welcome) for screen in shown)
    unsure = NotRecognised(NotRecognisedReason.UNSURE)
    assert unsure not in shown


# A pad that nobody touches


def test_an_untouched_pad_closes_for_the_next_person() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    door.later(READ_S)
    assert door.comes(DOV) == door.attendant.screen
    assert isinstance(door.attendant.screen, Welcome)
    door.later(10)
    assert asked(unlocked(door)) == {CEM}


def test_a_pad_can_be_read_before_it_closes_for_others() -> None:
    door = DeskDoor()
    door.comes(ANA)
    assert purpose(door.comes(DOV)) is PinPurpose.LOOK_ALIKE
    assert purpose(door.later(READ_S - 0.1)) is PinPurpose.LOOK_ALIKE
    assert isinstance(door.later(0.1), Welcome)


def test_a_touched_pad_stays_for_its_person() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    door.attendant.act(Desk.touch)
    door.later(READ_S)
    door.comes(DOV)
    door.nobody()
    assert purpose(door.later(1)) is PinPurpose.UNSURE
    assert isinstance(door.pin(PINS[CEM]), Welcome)


def test_an_untouched_pad_closes_when_nobody_is_there() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    door.later(READ_S)
    assert isinstance(door.nobody(), Ready)
    assert asked(unlocked(door)) == {CEM}


@pytest.mark.parametrize("is_roll", [False, True])
def test_what_a_person_opened_stays_open_for_others(*, is_roll: bool) -> None:
    door = DeskDoor()
    if is_roll:
        unlocked(door)
    else:
        door.open_pin()
    door.later(READ_S)
    door.comes(DOV)
    door.nobody()
    assert door.desk.is_open


# Who comes while the desk is busy


def test_a_second_unsure_face_is_asked_after_the_first_answer_was_read() -> None:
    door = DeskDoor()
    door.unsure(ANA)
    assert purpose(door.unsure(CEM)) is PinPurpose.UNSURE
    assert isinstance(door.pin(PINS[ANA]), Welcome)
    assert isinstance(door.later(1), Welcome)
    assert purpose(door.later(1)) is PinPurpose.UNSURE
    assert isinstance(door.pin(PINS[CEM]), Welcome)
    assert [one.person_id for one in door.outbox.drafts] == [ANA, CEM]
    door.later(10)
    assert asked(unlocked(door)) == set()


def test_a_face_that_nothing_else_proves_is_answered_too() -> None:
    door = DeskDoor(frozenset({Fallback.PIN}))
    door.open_pin()
    door.unsure(DOV)
    door.later(19)
    assert door.closes() == NotRecognised(NotRecognisedReason.UNSURE, (Fallback.PIN,))


@pytest.mark.parametrize("are_gone", [False, True], ids=["too late", "gone"])
def test_who_has_gone_is_asked_for_nothing(*, are_gone: bool) -> None:
    door = DeskDoor()
    unlocked(door)
    door.unsure(CEM)
    if are_gone:
        door.nobody()
    else:
        door.later(KEPT_S + 1)
    assert isinstance(door.closes(), Ready)
    assert isinstance(door.later(2), Ready)


def test_who_was_marked_meanwhile_is_asked_for_nothing() -> None:
    door = DeskDoor()
    unlocked(door)
    door.unsure(CEM)
    door.taps(CEM)
    assert isinstance(door.closes(), Ready)


def test_one_person_is_asked_once_however_many_tracks_they_had() -> None:
    door = DeskDoor()
    unlocked(door)
    door.unsure(CEM)
    door.unsure(CEM)
    assert purpose(door.closes()) is PinPurpose.UNSURE
    door.unsure(CEM)
    assert isinstance(door.closes(), Ready)


# What counts as a way


def test_a_printed_card_without_its_pin_is_no_way() -> None:
    door = DeskDoor(frozenset({Fallback.CARD, Fallback.CARD_ALONE, Fallback.PIN}))
    assert door.unsure(DOV) == NotRecognised(NotRecognisedReason.UNSURE, door.desk.ways)


@pytest.mark.parametrize("counts_alone", [False, True])
def test_who_has_no_pin_is_asked_for_a_card_where_it_counts_alone(*, counts_alone: bool) -> None:
    way = Fallback.CARD_ALONE if counts_alone else Fallback.CARD
    door = DeskDoor(frozenset({way, Fallback.PIN}))
    knows(door, without_pin(CEM))
    screen = door.unsure(CEM)
    if not counts_alone:
        assert screen == NotRecognised(NotRecognisedReason.UNSURE, door.desk.ways)
        return
    assert isinstance(screen, AskPin)
    assert not screen.takes_pin
    assert isinstance(door.swipes(CARDS[CEM]), Welcome)


def test_a_look_alike_with_a_card_that_proves_nothing_is_marked_by_the_face() -> None:
    door = DeskDoor(frozenset({Fallback.CARD}))
    knows(door, without_pin(ANA))
    assert isinstance(door.comes(ANA), Welcome)


# What stays open for the teacher


@pytest.mark.parametrize("came_before", [False, True])
def test_a_look_alikes_own_pin_leaves_no_question_about_the_other(*, came_before: bool) -> None:
    door = DeskDoor()
    if came_before:
        door.unsure(ANA)
        door.closes()
        door.later(10)
    door.unsure(ANA)
    assert isinstance(door.pin(PINS[ANN]), Welcome)
    door.later(10)
    assert asked(unlocked(door)) == set()


def test_a_face_that_was_proven_but_not_saved_stays_a_question() -> None:
    door = DeskDoor()
    door.unsure(CEM)
    door.outbox.is_disk_full = True
    assert door.pin(PINS[CEM]) == Notice(NoticeReason.NOT_SAVED)
    assert asked(unlocked(door)) == {CEM}


# Leaving


def test_who_leaves_without_another_way_reads_that_they_are_not_checked_out() -> None:
    door = leaving(frozenset({Fallback.TEACHER}))
    ways = (Fallback.TEACHER,)
    assert door.unsure(CEM) == NotRecognised(NotRecognisedReason.UNSURE_LEAVING, ways)
    assert [one.direction for one in door.outbox.drafts] == [Direction.IN]


def test_who_leaves_with_a_pin_is_asked_for_it() -> None:
    door = leaving()
    assert purpose(door.unsure(CEM)) is PinPurpose.UNSURE
    assert isinstance(door.pin(PINS[CEM]), Welcome)
    assert [one.direction for one in door.outbox.drafts] == [Direction.IN, Direction.OUT]


def test_paper_that_was_shown_keeps_the_pad_for_its_person() -> None:
    door = DeskDoor()
    door.unsure(ANA)
    door.scans(PRINTED[ANA])
    door.later(READ_S)
    door.comes(DOV)
    assert isinstance(door.pin(PINS[ANA]), Welcome)
    assert {ANA, DOV} == {one.person_id for one in door.outbox.drafts}
