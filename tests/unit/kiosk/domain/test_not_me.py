from dataclasses import replace

import pytest

from kiosk.domain.screens import (
    NotRecognised,
    NotRecognisedReason,
    Welcome,
)
from tests.unit.kiosk.domain.door import (
    AGAIN,
    ON_TIME,
    READY,
    TIMETABLE,
    Door,
    lesson,
    with_lessons,
)


def test_not_me_within_its_time_voids_the_mark() -> None:
    door = Door()
    door.comes("p1", track=1)
    door.clock.advance(4.9)

    screen = door.attendant.not_me()

    assert screen == NotRecognised(NotRecognisedReason.NOT_ME)
    assert door.kinds() == [("seen", "p1", "s1"), ("not_me", "p1", "s1")]
    assert door.outbox.drafts[1].refers_to == "event-1"
    assert door.outbox.drafts[1].shown is None


def test_not_me_after_its_time_changes_nothing() -> None:
    door = Door()
    door.comes("p1")
    door.clock.advance(5.0)

    assert door.attendant.not_me() == READY
    assert len(door.outbox.drafts) == 1


def test_policy_may_offer_no_not_me_and_the_welcome_still_stays() -> None:
    door = Door(replace(TIMETABLE, not_me_s=0.0))
    welcome = door.comes("p1")

    assert welcome == replace(ON_TIME, can_undo=False)
    assert door.attendant.not_me() == welcome
    assert door.later(2.9) == welcome
    assert door.later(0.2) == READY


def test_not_me_on_a_repeat_takes_back_the_repeat_and_keeps_the_mark() -> None:
    door = Door()
    door.comes("p1")
    door.later(6)
    repeat = door.comes("p1")

    assert repeat == AGAIN
    assert door.attendant.not_me() == NotRecognised(NotRecognisedReason.NOT_ME)
    assert [kind for kind, _, _ in door.kinds()] == ["seen", "seen", "not_me"]
    assert door.outbox.drafts[2].refers_to == "event-2"
    door.later(6)
    assert door.comes("p1", distance=0.1) == AGAIN


def test_second_tap_on_a_repeat_does_not_reach_the_first_mark() -> None:
    door = Door()
    door.comes("p1")
    door.clock.advance(2)
    repeat = door.comes("p1")
    assert isinstance(repeat, Welcome)

    door.attendant.not_me(repeat.answer_id)
    door.attendant.not_me(repeat.answer_id)

    assert [draft.refers_to for draft in door.outbox.drafts] == [None, None, "event-2"]


def test_not_me_on_a_repeat_after_the_window_keeps_the_first_mark() -> None:
    door = Door()
    door.comes("p1")
    door.later(20 * 60)
    door.comes("p1")
    door.attendant.not_me()
    door.later(6)

    assert door.outbox.drafts[2].refers_to == "event-2"
    assert door.comes("p1", distance=0.1) == AGAIN


@pytest.mark.parametrize("minutes", [0.2, 5, 40])
def test_match_called_wrong_is_not_believed_again_in_this_lesson(minutes: float) -> None:
    door = Door()
    door.comes("p1")
    door.attendant.not_me()
    door.later(minutes * 60)

    assert door.comes("p1") == NotRecognised(NotRecognisedReason.NOT_ME)
    assert door.comes("p1", distance=0.27) == NotRecognised(NotRecognisedReason.NOT_ME)


def test_a_clearly_better_match_is_believed_after_not_me() -> None:
    door = Door()
    door.comes("p1", distance=0.4)
    door.attendant.not_me()
    door.later(6)

    assert door.comes("p1", distance=0.3) == ON_TIME


def test_every_further_not_me_asks_for_a_better_match() -> None:
    door = Door()
    for distance in (0.4, 0.3):
        door.comes("p1", distance=distance)
        door.attendant.not_me()
        door.later(6)

    assert door.comes("p1", distance=0.39) == NotRecognised(NotRecognisedReason.NOT_ME)
    assert door.comes("p1", distance=0.29) == NotRecognised(NotRecognisedReason.NOT_ME)


def test_not_me_holds_in_a_second_lesson_that_is_open_too() -> None:
    both = with_lessons(
        lesson("one", starts_min=0, lasts_min=50), lesson("zero", starts_min=-5, lasts_min=50)
    )
    door = Door(both)
    door.comes("p1")
    door.attendant.not_me()
    door.later(6)

    assert door.comes("p1") == NotRecognised(NotRecognisedReason.NOT_ME)
    assert [kind for kind, _, _ in door.kinds()] == ["seen", "not_me"]


def test_not_me_ends_with_the_lesson() -> None:
    door = Door(
        with_lessons(
            lesson("one", starts_min=0, lasts_min=45), lesson("two", starts_min=60, lasts_min=45)
        )
    )
    door.comes("p1")
    door.attendant.not_me()
    door.later(60 * 60)

    assert door.comes("p1") == ON_TIME
