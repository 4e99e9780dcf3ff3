"""Coming and leaving at the door, where the policy asks for it."""

from dataclasses import replace

import pytest

from kiosk.domain.marks import MarkMemory, RememberedMark
from kiosk.domain.screens import (
    Notice,
    NoticeReason,
    NotRecognised,
    NotRecognisedReason,
    Ready,
    Welcome,
)
from kiosk.domain.timetable import Timetable
from protocol.v1.messages import ArrivalStatus, AttendancePolicy, Direction
from tests.fakes.kiosk_clock import START
from tests.unit.kiosk.domain.door import LESSON, READY, TIMETABLE, Door

IN, OUT = Direction.IN, Direction.OUT
LASTS_MIN = (LESSON.ends_at - LESSON.starts_at).total_seconds() / 60
BEGINS_MIN = (LESSON.starts_at - START).total_seconds() / 60
LEAVING_MIN = BEGINS_MIN + LASTS_MIN - 10
POLICY = LESSON.policy.model_copy(update={"direction": "ask", "leaving_from_min": 10})


def asking(policy: AttendancePolicy = POLICY, **changes: float) -> Timetable:
    lesson = replace(LESSON, policy=policy)
    return replace(TIMETABLE, lessons=(lesson, *TIMETABLE.lessons[1:]), **changes)  # type: ignore[arg-type]


def arrive(door: Door, person: str = "p1") -> Welcome:
    screen = door.comes(person)
    assert isinstance(screen, Welcome)
    return screen


def directions(door: Door) -> list[tuple[str, Direction | None, str | None]]:
    return [(one.kind.value, one.direction, one.refers_to) for one in door.outbox.drafts]


@pytest.mark.parametrize("word", ["off", "invented_later"])
def test_nothing_has_a_direction_where_the_policy_does_not_ask(word: str) -> None:
    door = Door(asking(POLICY.model_copy(update={"direction": word})), minutes=LEAVING_MIN)
    first, again = arrive(door), arrive(door)

    assert [(one.direction, one.offers) for one in (first, again)] == [(None, None)] * 2
    assert door.attendant.change_direction() == again
    assert directions(door) == [("seen", None, None)]


def test_a_first_check_in_before_leaving_time_is_a_coming_without_a_button() -> None:
    door = Door(asking())
    screen = arrive(door)

    assert (screen.direction, screen.offers, screen.can_undo) == (IN, None, True)
    assert door.attendant.change_direction(screen.answer_id) == screen
    assert directions(door) == [("seen", IN, None)]


def test_a_check_in_in_leaving_time_is_a_leaving_and_one_tap_changes_it() -> None:
    door = Door(asking(), minutes=LEAVING_MIN)
    goodbye = arrive(door)
    staying = door.attendant.change_direction(goodbye.answer_id)

    assert (goodbye.direction, goodbye.offers, goodbye.already_marked) == (OUT, IN, False)
    assert isinstance(staying, Welcome)
    assert (staying.direction, staying.offers, staying.is_changed) == (IN, None, True)
    assert directions(door) == [("seen", OUT, None), ("seen", IN, None)]
    assert door.outbox.drafts[1].shown is ArrivalStatus.LATE


def test_one_who_is_on_the_list_leaves_early_by_the_button_and_may_take_it_back() -> None:
    door = Door(asking())
    arrive(door)
    door.later(60)
    again = arrive(door)
    goodbye = door.attendant.change_direction(again.answer_id)

    assert (again.already_marked, again.direction, again.offers) == (True, IN, OUT)
    assert isinstance(goodbye, Welcome)
    assert (goodbye.direction, goodbye.offers) == (OUT, IN)
    staying = door.attendant.change_direction(goodbye.answer_id)
    assert isinstance(staying, Welcome)
    assert (staying.direction, staying.offers) == (IN, None)
    assert [one[1] for one in directions(door)] == [IN, OUT, IN]
    assert door.outbox.drafts[1].clock.best_at > door.outbox.drafts[0].clock.best_at


def test_one_on_the_list_who_comes_in_leaving_time_leaves_once_per_window() -> None:
    door = Door(asking())
    arrive(door)
    door.later((LEAVING_MIN) * 60)
    goodbye = arrive(door)
    door.later(60)
    repeat = arrive(door)

    assert (goodbye.direction, goodbye.already_marked, goodbye.offers) == (OUT, True, IN)
    assert (repeat.direction, repeat.offers, repeat.is_recorded) == (OUT, IN, False)
    assert [one[1] for one in directions(door)] == [IN, OUT]


def test_a_tap_counts_once_and_only_while_the_answer_is_on_screen() -> None:
    door = Door(asking(), minutes=LEAVING_MIN)
    goodbye = arrive(door)
    door.attendant.change_direction(goodbye.answer_id)
    door.attendant.change_direction(goodbye.answer_id)
    assert len(door.outbox.drafts) == 2

    door.later(2)
    other = arrive(door, "p2")
    door.later(6)
    assert door.attendant.change_direction(other.answer_id) == READY
    assert len(door.outbox.drafts) == 3


def test_the_button_works_where_not_me_is_not_offered() -> None:
    door = Door(asking(not_me_s=0.0), minutes=LEAVING_MIN)
    goodbye = arrive(door)

    assert (goodbye.can_undo, goodbye.offers) == (False, IN)
    assert door.attendant.not_me(goodbye.answer_id) == goodbye
    staying = door.attendant.change_direction(goodbye.answer_id)
    assert isinstance(staying, Welcome)
    assert staying.direction is IN


def test_not_me_takes_back_every_event_of_the_answer_and_none_before() -> None:
    door = Door(asking(), minutes=LEAVING_MIN)
    goodbye = arrive(door)
    staying = door.attendant.change_direction(goodbye.answer_id)
    assert isinstance(staying, Welcome)
    screen = door.attendant.not_me(staying.answer_id)

    assert screen == NotRecognised(NotRecognisedReason.NOT_ME)
    assert directions(door)[2:] == [("not_me", None, "event-2"), ("not_me", None, "event-1")]
    door.later(6)
    right = door.comes("p1", distance=0.1)
    assert isinstance(right, Welcome)
    assert not right.already_marked


def test_not_me_after_leaving_by_the_button_keeps_the_earlier_mark() -> None:
    door = Door(asking())
    arrive(door)
    door.later(60)
    again = arrive(door)
    goodbye = door.attendant.change_direction(again.answer_id)
    assert isinstance(goodbye, Welcome)
    door.attendant.not_me(goodbye.answer_id)

    assert directions(door)[2:] == [("not_me", None, "event-2")]
    door.later(60)
    screen = door.comes("p1", distance=0.1)
    assert isinstance(screen, Welcome)
    assert (screen.already_marked, screen.direction) == (True, IN)


def test_a_tap_that_the_disk_refuses_changes_no_screen_to_goodbye() -> None:
    door = Door(asking())
    arrive(door)
    door.later(60)
    again = arrive(door)
    door.outbox.is_disk_full = True
    screen = door.attendant.change_direction(again.answer_id)
    assert screen == Notice(NoticeReason.NOT_SAVED)

    door.outbox.is_disk_full = False
    door.later(60)
    assert [one[1] for one in directions(door)] == [IN, OUT]


def test_one_who_leaves_after_check_in_has_closed_was_there_late() -> None:
    policy = POLICY.model_copy(update={"closes_after_start_min": 10})
    door = Door(asking(policy), minutes=LEAVING_MIN)
    goodbye = arrive(door)

    assert (goodbye.direction, goodbye.status) == (OUT, ArrivalStatus.LATE)
    assert door.outbox.drafts[0].shown is ArrivalStatus.LATE


def test_check_in_that_has_closed_stays_closed_before_leaving_time() -> None:
    policy = POLICY.model_copy(update={"closes_after_start_min": 10})
    door = Door(asking(policy), minutes=LEAVING_MIN - 1)

    assert door.comes("p1") == Notice(NoticeReason.CHECK_IN_CLOSED)


def test_a_restarted_kiosk_knows_who_has_left() -> None:
    kept = RememberedMark("event-0", "p1", LESSON.id, LESSON.starts_at, ArrivalStatus.PRESENT, OUT)
    door = Door(asking(), minutes=BEGINS_MIN + 1, memory=MarkMemory((kept,)))
    screen = arrive(door)

    assert (screen.direction, screen.offers) == (OUT, IN)


def test_a_tap_after_the_lesson_ended_records_nothing() -> None:
    end = (LESSON.ends_at - LESSON.starts_at).total_seconds()
    door = Door(asking(), minutes=end / 60 - 2 / 60)
    goodbye = arrive(door)
    door.later(3)
    screen = door.attendant.change_direction(goodbye.answer_id)

    assert isinstance(screen, Ready)
    assert directions(door) == [("seen", OUT, None)]


def test_a_tap_just_after_the_policy_asks_no_more_records_nothing() -> None:
    door = Door(asking(), minutes=LEAVING_MIN)
    goodbye = arrive(door)
    door.attendant.configure(asking(POLICY.model_copy(update={"direction": "off"})))
    screen = door.attendant.change_direction(goodbye.answer_id)

    assert isinstance(screen, Ready)
    assert directions(door) == [("seen", OUT, None)]
