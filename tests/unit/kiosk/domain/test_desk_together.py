"""Several people at one kiosk: who stands behind a pad or a roll, and what ends either."""

from dataclasses import replace
from datetime import timedelta

import pytest

from kiosk.domain.credentials import NO_CREDENTIALS, CredentialBook
from kiosk.domain.desk import Desk
from kiosk.domain.desk_states import HELD_S, TURNED_AWAY_S
from kiosk.domain.display import COVERED_S
from kiosk.domain.screens import (
    AskPin,
    CodeProblem,
    ConfirmName,
    Ready,
    RollCall,
    RollMark,
    Welcome,
)
from protocol.v1.messages import Fallback, Holder, HolderKind
from tests.unit.kiosk.domain.desk_door import (
    ALL,
    ANA,
    ANN,
    CARDS,
    CEM,
    DOV,
    PINS,
    PRINTED,
    SERVER,
    TEACHER,
    DeskDoor,
    book,
    marks,
    problem,
    timetable,
    unlocked,
)

HOUR = timedelta(hours=1)
WRONG = "555555"


# The roll


def test_a_tap_on_a_row_that_changed_meanwhile_changes_nothing() -> None:
    door = DeskDoor()
    unlocked(door)
    door.comes(CEM)
    assert marks(door.taps(CEM, RollMark.NONE))[CEM] == "present"
    assert door.events() == [("seen", CEM, "face", "present")]


def test_the_roll_of_the_lesson_that_runs_is_taken_until_it_ends() -> None:
    door = DeskDoor()
    [running] = door.attendant.timetable.lessons
    coming = replace(
        running, id="coming", starts_at=running.ends_at, ends_at=running.ends_at + HOUR
    )
    door.attendant.configure(replace(door.attendant.timetable, lessons=(running, coming)))
    door.later((running.ends_at - door.clock.at).total_seconds() - 300)
    screen = unlocked(door)
    assert screen.lesson is not None
    assert screen.lesson.starts_at == running.starts_at


@pytest.mark.parametrize("is_forgotten", [False, True])
def test_a_roll_ends_when_the_policy_or_the_teacher_goes(*, is_forgotten: bool) -> None:
    door = DeskDoor()
    unlocked(door)
    if is_forgotten:
        door.attendant.equip(NO_CREDENTIALS, SERVER.public_key(), door.codes)
    else:
        door.attendant.configure(timetable(frozenset({Fallback.PIN})))
    assert isinstance(door.taps(ANA, RollMark.NONE), Ready)
    assert door.events() == []


def test_a_pad_closes_when_its_way_is_not_allowed_any_more() -> None:
    door = DeskDoor()
    door.open_pin()
    door.attendant.configure(timetable(frozenset({Fallback.QR})))
    assert isinstance(door.pin(PINS[ANA]), Ready)
    assert door.events() == []


def test_a_word_that_could_not_be_taken_back_still_counts() -> None:
    door = DeskDoor()
    unlocked(door)
    door.taps(DOV)
    door.taps(DOV)
    door.outbox.is_disk_full = True
    assert marks(door.taps(DOV))[DOV] == "late"
    door.outbox.is_disk_full = False
    assert marks(door.later(3))[DOV] == "late"
    door.closes()
    door.later(5)
    screen = door.scans(door.code(DOV))
    assert isinstance(screen, Welcome)
    assert screen.already_marked
    assert [kind for kind, *_ in door.events()].count("not_me") == 0


@pytest.mark.parametrize("ways", [{Fallback.QR, Fallback.TEACHER}, {Fallback.TEACHER}])
def test_a_teacher_who_has_but_a_phone_takes_the_roll(ways: set[Fallback]) -> None:
    door = DeskDoor(frozenset(ways))
    teacher = Holder(id=TEACHER, kind=HolderKind.STAFF, name="Mr Okafor")
    document = replace_holders(book(), (teacher,))
    door.attendant.equip(document, SERVER.public_key(), door.codes)
    screen = door.scans(door.code(TEACHER))
    assert isinstance(screen, RollCall) is (Fallback.QR in ways)
    assert (Fallback.TEACHER in door.desk.ways) is (Fallback.QR in ways)


def replace_holders(known: CredentialBook, holders: tuple[Holder, ...]) -> CredentialBook:
    assert known.document is not None
    return replace(known, document=known.document.model_copy(update={"holders": holders}))


# What others see


def test_a_face_recognised_behind_the_roll_is_not_greeted_minutes_later() -> None:
    door = DeskDoor()
    unlocked(door)
    door.comes(CEM)
    door.later(COVERED_S + 1)
    assert isinstance(door.closes(), Ready)
    assert isinstance(door.attendant.not_me(), Ready)
    assert door.events() == [("seen", CEM, "face", "present")]


def test_a_face_recognised_just_before_a_pad_closes_is_greeted() -> None:
    door = DeskDoor()
    door.open_pin()
    door.comes(CEM)
    assert isinstance(door.closes(), Welcome)


def test_a_mark_that_the_teacher_changed_is_not_greeted() -> None:
    door = DeskDoor()
    unlocked(door)
    door.comes(CEM)
    door.taps(CEM)
    assert isinstance(door.closes(), Ready)


def test_a_greeting_that_the_teacher_refutes_goes_at_once() -> None:
    door = DeskDoor()
    assert isinstance(door.comes(CEM), Welcome)
    unlocked(door)
    door.taps(CEM)
    assert isinstance(door.closes(), Ready)


def test_greetings_that_a_pad_covers_for_long_are_never_shown() -> None:
    door = DeskDoor()
    door.comes(CEM)
    door.comes(DOV)
    door.open_pin()
    for _ in range(4):
        door.later(8)
        door.attendant.act(Desk.touch)
    assert isinstance(door.closes(), Ready)
    assert isinstance(door.later(0.5), Ready)
    assert isinstance(door.attendant.not_me(), Ready)
    assert [kind for kind, *_ in door.events()] == ["seen", "seen"]


def test_a_held_card_waits_until_the_next_person_has_done() -> None:
    door = DeskDoor()
    door.open_pin()
    door.pin(PINS[CEM])
    door.scans(PRINTED[DOV])
    door.says(is_yes=True)
    door.later(0.5)
    door.open_pin()
    door.later(3)
    assert door.pin(PINS[ANA]) == ConfirmName("Ana L.")


def test_a_name_is_not_asked_about_once_its_credentials_are_gone() -> None:
    door = DeskDoor()
    door.open_pin()
    door.pin(PINS[CEM])
    door.attendant.equip(replace_holders(book(), ()), SERVER.public_key(), door.codes)
    door.says(is_yes=True)
    assert door.events() == []


def test_not_me_takes_nothing_from_a_teachers_word() -> None:
    door = DeskDoor()
    welcome = door.comes(CEM)
    assert isinstance(welcome, Welcome)
    unlocked(door)
    door.taps(CEM)
    door.closes()
    door.attendant.not_me(welcome.answer_id)
    assert marks(unlocked(door))[CEM] == "late"


# Policies and codes


def test_ones_own_pin_does_not_end_a_row_of_guesses() -> None:
    door = DeskDoor()
    waits = []
    for _ in range(6):
        door.open_pin()
        screen = door.pin(WRONG)
        assert isinstance(screen, AskPin)
        waits.append(screen.wait_s)
        door.later(screen.wait_s)
        assert door.pin(PINS[ANA]) == ConfirmName("Ana L.")
        door.says(is_yes=False)
    assert waits == [0, 0, 5, 10, 20, 30]


@pytest.mark.parametrize("way", [Fallback.CARD, Fallback.CARD_ALONE])
def test_a_pin_alone_confirms_no_face_where_only_cards_are_allowed(way: Fallback) -> None:
    door = DeskDoor(frozenset({way}))
    screen = door.comes(ANA)
    assert isinstance(screen, AskPin)
    assert not screen.takes_pin
    for pin in (PINS[ANN], PINS[ANA]):
        door.later(5)
        door.pin(pin)
    assert door.events() == []
    door.scans(PRINTED[ANA])
    door.pin(PINS[ANA])
    assert [person for _, person, *_ in door.events()] == [ANA]


def test_a_code_is_not_used_up_by_another_persons_question() -> None:
    door = DeskDoor()
    door.comes(ANA)
    text = door.code(DOV)
    assert problem(door.scans(text)) is CodeProblem.OTHER_PERSON
    door.closes()
    assert isinstance(door.scans(text), Welcome)


def test_a_face_waits_for_its_second_factor_a_minute_at_most() -> None:
    door = DeskDoor()
    door.comes(ANA)
    for _ in range(7):
        door.later(10)
        door.attendant.act(Desk.touch)
    assert not door.desk.is_open
    assert door.events() == []


def test_a_code_in_view_keeps_no_pad_open() -> None:
    door = DeskDoor()
    door.open_pin()
    for _ in range(4):
        door.later(6)
        door.scans("RC1:" + "A" * 160)
    assert not door.desk.is_open


def test_what_is_held_up_during_a_question_is_taken_after_it() -> None:
    door = DeskDoor()
    door.open_pin()
    door.pin(PINS[ANA])
    text = door.code(DOV)
    door.scans(text)
    door.later(2)
    assert isinstance(door.says(is_yes=True), Welcome)
    door.later(1)
    assert [person for _, person, *_ in door.events()] == [ANA]
    door.later(2)
    assert [person for _, person, *_ in door.events()] == [ANA, DOV]


def test_the_first_of_two_cards_held_up_during_a_question_is_taken() -> None:
    door = DeskDoor(ALL | {Fallback.CARD_ALONE})
    door.open_pin()
    door.pin(PINS[ANA])
    assert door.scans(door.code(DOV)) == ConfirmName("Ana L.")
    assert door.swipes(CARDS[CEM]) == ConfirmName("Ana L.", is_busy=True)
    assert door.later(TURNED_AWAY_S) == ConfirmName("Ana L.")
    door.says(is_yes=True)
    door.later(3)
    assert [person for _, person, *_ in door.events()] == [ANA, DOV]


def test_a_second_card_is_turned_away_behind_a_roll_too() -> None:
    door = DeskDoor()
    unlocked(door)
    door.swipes(CARDS[CEM])
    again = door.swipes(CARDS[CEM])
    other = door.scans(door.code(DOV))
    assert isinstance(again, RollCall)
    assert isinstance(other, RollCall)
    assert (again.is_busy, other.is_busy) == (False, True)


def test_a_card_whose_time_is_over_makes_room_for_the_next_one() -> None:
    door = DeskDoor(ALL | {Fallback.CARD_ALONE})
    unlocked(door)
    door.swipes(CARDS[CEM])
    door.later(HELD_S + 1)
    screen = door.scans(door.code(DOV))
    assert isinstance(screen, RollCall)
    assert not screen.is_busy
    door.closes()
    door.later(3)
    assert [person for _, person, *_ in door.events()] == [DOV]


def test_a_poster_in_view_keeps_no_card_away() -> None:
    door = DeskDoor()
    door.open_pin()
    door.pin(PINS[ANA])
    door.scans("https://example.org/poster")
    assert door.scans(door.code(DOV)) == ConfirmName("Ana L.")
    door.says(is_yes=True)
    door.later(3)
    assert [person for _, person, *_ in door.events()] == [ANA, DOV]


def test_what_was_held_up_long_ago_is_forgotten() -> None:
    door = DeskDoor()
    unlocked(door)
    door.swipes(CARDS[CEM])
    door.later(20)
    door.closes()
    door.later(5)
    assert isinstance(door.attendant.screen, Ready)
