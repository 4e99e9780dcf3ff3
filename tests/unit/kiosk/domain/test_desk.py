"""Every way to check in without a face, one by one."""

import pytest

from kiosk.domain.desk_states import NAME_S, PAD_S, ROLL_S
from kiosk.domain.screens import (
    AskPin,
    CodeProblem,
    CodeRefused,
    ConfirmName,
    Elsewhere,
    Notice,
    NotRecognised,
    PinPurpose,
    Ready,
    RollCall,
    RollMark,
    Welcome,
)
from protocol.v1.messages import ArrivalStatus, ClockSource, EventMethod, Fallback
from tests.unit.kiosk.domain.desk_door import (
    ALL,
    ANA,
    ANN,
    CARDS,
    CEM,
    DOV,
    EVA,
    PINS,
    PRINTED,
    SERVER,
    TEACHER,
    DeskDoor,
    book,
    marks,
    problem,
    unlocked,
)

WRONG = "555555"
CARD_ALONE = ALL | {Fallback.CARD_ALONE}


# PIN


def test_a_pin_and_a_yes_mark_a_student() -> None:
    door = DeskDoor()
    assert door.open_pin() == AskPin(PinPurpose.CHECK_IN, (Fallback.QR, Fallback.CARD))
    assert door.pin(PINS[ANA]) == ConfirmName("Ana L.")
    assert door.events() == []
    assert door.says(is_yes=True) == Welcome("Ana L.", ArrivalStatus.PRESENT)
    assert door.events() == [("seen", ANA, "pin", "present")]


def test_a_no_marks_nobody() -> None:
    door = DeskDoor()
    door.open_pin()
    door.pin(PINS[ANA])
    assert isinstance(door.says(is_yes=False), Ready)
    assert door.events() == []


@pytest.mark.parametrize("pin", [WRONG, PINS[EVA], PINS[TEACHER], "", "12345", "1000010"])
def test_a_pin_of_nobody_due_here_is_nobodys(pin: str) -> None:
    door = DeskDoor()
    door.open_pin()
    assert problem(door.pin(pin)) is CodeProblem.NOBODYS_PIN
    assert door.events() == []


def test_wrong_pins_cost_a_wait_that_grows_and_ends() -> None:
    door = DeskDoor()
    door.open_pin()
    waits = []
    for _ in range(10):
        screen = door.pin(WRONG)
        assert isinstance(screen, AskPin)
        waits.append(screen.wait_s)
        ignored = door.pin(PINS[ANA]) if screen.wait_s else screen
        assert isinstance(ignored, AskPin)
        door.later(screen.wait_s)
    assert waits == [0, 0, 5, 10, 20, 30, 30, 30, 30, 30]
    assert door.pin(PINS[ANA]) == ConfirmName("Ana L.")


def test_a_right_pin_of_a_card_ends_its_row() -> None:
    door = DeskDoor()
    for _ in range(4):
        door.swipes(CARDS[CEM])
        door.pin(WRONG)
        door.pin(WRONG)
        assert isinstance(door.pin(PINS[CEM]), Welcome)
        door.later(10)


def test_where_nobody_is_due_no_pin_is_counted_as_wrong() -> None:
    door = DeskDoor(minutes=24 * 60)
    for _ in range(5):
        door.open_pin()
        screen = door.pin(PINS[ANA])
        assert isinstance(screen, AskPin)
        assert (screen.problem, screen.wait_s) == (CodeProblem.NO_LESSON, 0)
        door.closes()
    assert door.events() == []


def test_wrong_pins_of_one_card_do_not_slow_others() -> None:
    door = DeskDoor()
    door.swipes(CARDS[CEM])
    for _ in range(4):
        door.pin(WRONG)
    door.closes()
    door.open_pin()
    assert door.pin(PINS[ANA]) == ConfirmName("Ana L.")
    door.says(is_yes=False)
    waiting = door.swipes(CARDS[CEM])
    assert isinstance(waiting, AskPin)
    assert waiting.wait_s > 0


def test_a_pad_nobody_touches_closes() -> None:
    door = DeskDoor()
    door.open_pin()
    assert isinstance(door.later(PAD_S - 1), AskPin)
    door.attendant.act(lambda desk: desk.touch())
    assert isinstance(door.later(PAD_S - 1), AskPin)
    assert isinstance(door.later(1), Ready)


def test_a_name_nobody_answers_marks_nobody() -> None:
    door = DeskDoor()
    door.open_pin()
    door.pin(PINS[ANA])
    assert isinstance(door.later(NAME_S), Ready)
    door.says(is_yes=True)
    assert door.events() == []


# Cards


def test_a_card_asks_for_its_pin() -> None:
    door = DeskDoor()
    assert door.swipes(CARDS[CEM].lower() + "\n") == AskPin(PinPurpose.CARD)
    assert problem(door.pin(PINS[ANA])) is CodeProblem.WRONG_PIN
    assert door.pin(PINS[CEM]) == Welcome("Cem O.", ArrivalStatus.PRESENT)
    assert door.events() == [("seen", CEM, "card", "present")]


def test_a_card_alone_marks_where_the_policy_allows_it() -> None:
    door = DeskDoor(CARD_ALONE)
    assert door.swipes(CARDS[CEM]) == Welcome("Cem O.", ArrivalStatus.PRESENT)


@pytest.mark.parametrize("ways", [ALL, CARD_ALONE])
def test_a_printed_card_always_asks_for_a_pin(ways: frozenset[Fallback]) -> None:
    door = DeskDoor(ways)
    assert door.scans(PRINTED[ANA]) == AskPin(PinPurpose.CARD)
    assert door.pin(PINS[ANA]) == Welcome("Ana L.", ArrivalStatus.PRESENT)


def test_a_printed_card_typed_by_a_reader_asks_for_a_pin_too() -> None:
    door = DeskDoor(CARD_ALONE)
    assert door.swipes(PRINTED[ANA]) == AskPin(PinPurpose.CARD)


def test_a_card_without_a_pin_on_file_never_passes() -> None:
    door = DeskDoor()
    door.scans(PRINTED[DOV])
    assert problem(door.pin(WRONG)) is CodeProblem.WRONG_PIN


def test_a_card_of_nobody_is_refused() -> None:
    door = DeskDoor()
    assert problem(door.swipes("0000")) is CodeProblem.UNKNOWN_CARD
    assert door.events() == []


def test_a_card_does_nothing_where_cards_are_not_allowed() -> None:
    door = DeskDoor(frozenset({Fallback.PIN}))
    assert isinstance(door.swipes(CARDS[CEM]), Ready)


# Codes of phones


def test_a_code_marks_and_names_itself() -> None:
    door = DeskDoor()
    assert door.scans(door.code(DOV)) == Welcome("Dov K.", ArrivalStatus.PRESENT)
    assert door.events() == [("seen", DOV, "qr", "present")]
    assert door.outbox.drafts[0].code_id in door.codes.used


def test_a_code_counts_once() -> None:
    door = DeskDoor()
    text = door.code(DOV)
    door.scans(text)
    door.later(10)
    assert problem(door.scans(text)) is CodeProblem.USED
    assert len(door.events()) == 1


def test_a_code_that_another_kiosk_saw_is_used() -> None:
    door = DeskDoor()
    text = door.code(DOV)
    door.scans(text)
    other = DeskDoor()
    used = tuple(door.codes.used)
    other.attendant.equip(book(used=used), SERVER.public_key(), other.codes)
    assert problem(other.scans(text)) is CodeProblem.USED


@pytest.mark.parametrize("ago_s", [91, 3600, -31])
def test_an_old_code_and_one_of_the_future_are_refused(ago_s: float) -> None:
    door = DeskDoor()
    assert problem(door.scans(door.code(DOV, ago_s))) is CodeProblem.EXPIRED
    assert door.codes.used == set()


def test_a_kiosk_that_does_not_know_the_time_accepts_no_code() -> None:
    door = DeskDoor()
    door.clock.source, door.clock.offset_ms = ClockSource.UNSYNCED, None
    assert problem(door.scans(door.code(DOV))) is CodeProblem.CLOCK


def test_a_changed_code_is_foreign_and_other_text_is_ignored() -> None:
    door = DeskDoor()
    text = door.code(DOV)
    swapped = "A" if text[20] != "A" else "B"
    assert problem(door.scans(text[:20] + swapped + text[21:])) is CodeProblem.FOREIGN
    door.later(10)
    assert isinstance(door.scans("https://example.org/menu"), Ready)


def test_a_code_is_not_used_up_where_the_disk_refuses() -> None:
    door = DeskDoor()
    text = door.code(DOV)
    door.codes.is_disk_full = True
    refused = door.scans(text)
    assert isinstance(refused, CodeRefused)
    assert refused.problem is CodeProblem.NOT_SAVED
    door.codes.is_disk_full = False
    door.later(10)
    assert isinstance(door.scans(text), Welcome)


# Roll-call


def test_a_teacher_unlocks_and_marks_the_roster() -> None:
    door = DeskDoor()
    door.comes(CEM)
    roll = unlocked(door)
    assert roll.teacher == "Mrs Okafor"
    assert [row.display_name for row in roll.rows] == ["Ana L.", "Ann L.", "Cem O.", "Dov K."]
    assert marks(roll) == {ANA: "none", ANN: "none", CEM: "present", DOV: "none"}
    assert marks(door.taps(ANA))[ANA] == "present"
    assert marks(door.taps(ANA))[ANA] == "late"
    assert marks(door.taps(ANA))[ANA] == "none"
    assert door.events()[1:] == [
        ("roll_call", ANA, "teacher", "present"),
        ("roll_call", ANA, "teacher", "late"),
        ("not_me", ANA, "teacher", None),
        ("not_me", ANA, "teacher", None),
    ]
    assert {one.by for one in door.outbox.drafts[1:]} == {TEACHER}


def test_a_teacher_takes_back_what_a_face_marked() -> None:
    door = DeskDoor()
    door.comes(CEM)
    unlocked(door)
    door.taps(CEM)
    assert marks(door.taps(CEM))[CEM] == "none"
    refers = [one.refers_to for one in door.outbox.drafts if one.kind.value == "not_me"]
    assert refers == ["event-1", "event-2"]


def test_a_marked_student_is_told_that_they_are_on_the_list() -> None:
    door = DeskDoor()
    unlocked(door)
    door.taps(ANA)
    door.taps(ANA)
    door.closes()
    door.open_pin()
    door.pin(PINS[ANA])
    again = door.says(is_yes=True)
    assert again == Welcome("Ana L.", ArrivalStatus.LATE, 1, already_marked=True)


def test_what_the_disk_refuses_is_never_marked_later() -> None:
    door = DeskDoor()
    unlocked(door)
    door.outbox.is_disk_full = True
    screen = door.taps(ANA)
    assert isinstance(screen, RollCall)
    assert screen.is_unsaved
    assert marks(screen)[ANA] == "none"
    door.outbox.is_disk_full = False
    assert marks(door.later(3))[ANA] == "none"
    assert marks(door.taps(ANA))[ANA] == "present"
    assert door.events() == [("roll_call", ANA, "teacher", "present")]


@pytest.mark.parametrize("pin", [PINS[ANA], WRONG])
def test_only_a_teachers_pin_unlocks(pin: str) -> None:
    door = DeskDoor()
    door.open_roll_call()
    assert problem(door.pin(pin)) is CodeProblem.WRONG_PIN


def test_a_teachers_code_or_card_unlocks() -> None:
    door = DeskDoor()
    assert isinstance(door.scans(door.code(TEACHER)), RollCall)
    door.closes()
    assert door.swipes(CARDS[TEACHER]) == AskPin(PinPurpose.CARD)
    assert isinstance(door.pin(PINS[TEACHER]), RollCall)


def test_a_students_code_does_not_unlock() -> None:
    door = DeskDoor()
    door.open_roll_call()
    assert problem(door.scans(door.code(DOV))) is CodeProblem.NOT_STAFF
    assert problem(door.pin(WRONG)) is CodeProblem.WRONG_PIN
    assert door.events() == []


def test_a_students_card_does_not_unlock_and_the_next_pin_is_a_teachers_again() -> None:
    door = DeskDoor()
    door.open_roll_call()
    door.swipes(CARDS[CEM])
    refused = door.pin(PINS[CEM])
    assert problem(refused) is CodeProblem.NOT_STAFF
    assert isinstance(refused, AskPin)
    assert refused.purpose is PinPurpose.UNLOCK
    assert isinstance(door.pin(PINS[TEACHER]), RollCall)


def test_the_roll_closes_when_nobody_touches_it() -> None:
    door = DeskDoor()
    unlocked(door)
    door.later(ROLL_S - 1)
    door.taps(ANA)
    assert isinstance(door.later(ROLL_S - 1), RollCall)
    assert isinstance(door.later(1), Ready)
    door.taps(DOV)
    assert [one[1] for one in door.events()] == [ANA]


def test_a_student_who_is_not_on_the_roster_cannot_be_tapped() -> None:
    door = DeskDoor()
    unlocked(door)
    door.taps(EVA)
    assert door.events() == []


def test_the_roll_ends_with_the_lesson() -> None:
    door = DeskDoor(minutes=44.8)
    unlocked(door)
    door.taps(ANA)
    door.clock.advance(20)
    door.taps(DOV)
    assert isinstance(door.later(0), Ready)
    assert [one[1] for one in door.events()] == [ANA]


# Look-alikes


def test_a_look_alike_confirms_with_their_pin() -> None:
    door = DeskDoor()
    assert door.comes(ANA) == AskPin(PinPurpose.LOOK_ALIKE, (Fallback.QR, Fallback.CARD))
    assert door.events() == []
    assert door.pin(PINS[ANA]) == Welcome("Ana L.", ArrivalStatus.PRESENT)
    (draft,) = door.outbox.drafts
    assert (draft.person_id, draft.method, draft.second) == (
        ANA,
        EventMethod.FACE,
        EventMethod.PIN,
    )
    assert draft.evidence is not None


def test_the_pin_of_the_other_one_marks_the_other_one() -> None:
    door = DeskDoor()
    door.comes(ANA)
    assert door.pin(PINS[ANN]) == Welcome("Ann L.", ArrivalStatus.PRESENT)
    (draft,) = door.outbox.drafts
    assert (draft.person_id, draft.method, draft.evidence) == (ANN, EventMethod.PIN, None)


def test_a_look_alikes_own_code_marks_them_by_the_code() -> None:
    door = DeskDoor()
    door.comes(ANA)
    assert door.scans(door.code(ANA)) == Welcome("Ana L.", ArrivalStatus.PRESENT)
    (draft,) = door.outbox.drafts
    assert (draft.method, draft.second, draft.evidence) == (EventMethod.QR, None, None)


def test_a_third_persons_code_confirms_nobody() -> None:
    door = DeskDoor()
    door.comes(ANA)
    assert problem(door.scans(door.code(DOV))) is CodeProblem.OTHER_PERSON
    assert door.events() == []


def test_a_look_alike_who_goes_away_is_left_to_the_teacher() -> None:
    door = DeskDoor()
    door.comes(ANA)
    assert isinstance(door.later(PAD_S), Ready)
    assert door.events() == []
    roll = unlocked(door)
    first = roll.rows[0]
    assert (first.person_id, first.needs_teacher) == (ANA, True)
    settled = door.taps(ANA)
    assert isinstance(settled, RollCall)
    row = next(row for row in settled.rows if row.person_id == ANA)
    assert (row.mark, row.needs_teacher) == (RollMark.PRESENT, False)


def test_a_look_alike_without_another_way_is_marked_by_the_face() -> None:
    door = DeskDoor(frozenset())
    assert isinstance(door.comes(ANA), Welcome)


def test_a_look_alike_who_is_on_the_list_is_not_asked_again() -> None:
    door = DeskDoor()
    door.comes(ANA)
    door.pin(PINS[ANA])
    door.later(10)
    assert door.comes(ANA) == Welcome("Ana L.", ArrivalStatus.PRESENT, already_marked=True)


# What is shared with the face


def test_ways_that_cannot_work_here_are_not_offered() -> None:
    door = DeskDoor()
    ready = door.later(0)
    assert isinstance(ready, Ready)
    assert ready.ways == (Fallback.QR, Fallback.CARD, Fallback.PIN, Fallback.TEACHER)
    door.attendant.equip(book([DOV]), None, None)
    ready = door.later(0)
    assert isinstance(ready, Ready)
    assert ready.ways == (Fallback.CARD,)


def test_not_recognised_offers_the_ways() -> None:
    screen = DeskDoor().stranger(1)
    assert isinstance(screen, NotRecognised)
    assert screen.ways == (Fallback.QR, Fallback.CARD, Fallback.PIN, Fallback.TEACHER)


def test_faces_do_not_cover_what_is_typed() -> None:
    door = DeskDoor()
    door.open_pin()
    assert isinstance(door.stranger(1), AskPin)
    assert isinstance(door.looks(2), AskPin)
    assert isinstance(door.comes(CEM), AskPin)
    assert door.events() == [("seen", CEM, "face", "present")]
    assert door.closes() == Welcome("Cem O.", ArrivalStatus.PRESENT)


def test_not_me_takes_back_a_mark_by_code() -> None:
    door = DeskDoor()
    door.scans(door.code(DOV))
    assert isinstance(door.attendant.not_me(), NotRecognised)
    assert door.events()[1] == ("not_me", DOV, "qr", None)
    assert isinstance(door.scans(door.code(DOV)), Welcome | NotRecognised)


def test_a_code_of_a_student_of_another_room_shows_where_to_go() -> None:
    door = DeskDoor()
    assert isinstance(door.scans(door.code(EVA)), Notice | Elsewhere)
    assert door.events() == [("seen", EVA, "qr", None)]


def test_late_by_code_is_late() -> None:
    door = DeskDoor(minutes=7)
    assert door.scans(door.code(DOV)) == Welcome("Dov K.", ArrivalStatus.LATE, 7)
