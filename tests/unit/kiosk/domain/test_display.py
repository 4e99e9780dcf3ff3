from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.display import Display, Offer, Result
from kiosk.domain.events import EventDraft
from kiosk.domain.marks import Mark
from kiosk.domain.screens import Looking, NotRecognised, Ready, Welcome, is_same
from protocol.v1.messages import ArrivalStatus, EventKind
from tests.fakes.kiosk_clock import ManualClock

READY = Ready("R12", None)
DRAFT = EventDraft(EventKind.SEEN, ManualClock().reading(), "l1", "p1", 0)
HOLD_S, LOOKING_S, STAY_S, OFFER_S = 1.5, 2.0, 5.0, 5.0


def display() -> Display:
    return Display(READY, hold_s=HOLD_S, looking_s=LOOKING_S, now_s=0.0)


def result(number: int) -> Result:
    event_id = f"e{number}"
    welcome = Welcome(f"Given{number} F.", ArrivalStatus.PRESENT, answer_id=event_id)
    mark = Mark(event_id, f"p{number}", "l1", 0.0, ArrivalStatus.PRESENT, 0)
    return Result(welcome, number, Offer(mark, DRAFT))


@given(gaps=st.lists(st.floats(0, 3), max_size=8))
def test_every_result_is_shown_long_enough_and_in_its_order(gaps: list[float]) -> None:
    shown, now_s, door = [(0.0, display().screen)], 0.0, display()
    due = [sum(gaps[: n + 1]) for n in range(len(gaps))]
    while now_s < 40:
        for number, at_s in enumerate(due):
            if now_s <= at_s < now_s + 0.1:
                door.answer(result(number), now_s)
        if door.screen is not shown[-1][1]:
            shown.append((now_s, door.screen))
        now_s += 0.1
        door.turn(READY, now_s, stay_s=STAY_S)
    results = [(at_s, screen) for at_s, screen in shown if isinstance(screen, Welcome)]
    assert [screen for _, screen in results] == [result(n).screen for n in range(len(gaps))]
    starts = [at_s for at_s, _ in results]
    assert all(b - a >= HOLD_S - 1e-6 for a, b in pairwise(starts))


def test_looking_does_not_jump_the_queue() -> None:
    door = display()
    door.answer(result(1), 0.0)
    door.answer(result(2), 0.1)
    door.look(Looking(0.5), 3, 2.0)
    assert door.screen == result(1).screen


def test_a_new_answer_for_the_face_on_screen_comes_at_once() -> None:
    door = display()
    door.answer(Result(NotRecognised(), 1), 0.0)
    door.answer(result(1), 0.1)
    assert door.screen == result(1).screen


def test_a_tap_counts_once_and_only_for_what_was_shown() -> None:
    door = display()
    door.answer(result(1), 0.0)
    door.answer(result(2), 0.1)
    assert door.offered("e2", 0.2, OFFER_S) is None
    tapped = door.offered("e1", 0.2, OFFER_S)
    assert tapped == result(1)
    assert tapped is not None
    door.take_back(tapped, NotRecognised(), 0.2)
    assert door.offered("e1", 0.3, OFFER_S) is None
    assert door.screen == NotRecognised()


def test_a_tap_without_a_name_means_the_screen() -> None:
    door = display()
    door.answer(result(1), 0.0)
    door.turn(READY, 2.0, stay_s=STAY_S)
    assert door.offered("", 2.0, OFFER_S) == result(1)
    door.look(Looking(0.1), 2, 2.0)
    assert door.offered("", 2.1, OFFER_S) is None


def test_two_people_of_one_short_name_are_two_screens() -> None:
    first, second = result(1).screen, result(1).screen
    assert isinstance(second, Welcome)
    assert is_same(first, second)
    assert not is_same(first, replace(second, answer_id="e2"))
    assert not is_same(None, READY)
