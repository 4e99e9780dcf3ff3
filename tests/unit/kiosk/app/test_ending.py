import pytest

from kiosk.app.ending import DELIVERED, EVENTS_REMAIN, NEVER_READY, Ending


def _ended(ending: Ending, now_s: float, **facts: object) -> int | None:
    given = {"is_over": True, "is_idle": True, "undelivered": 0} | facts
    return ending.after_replay(now_s, **given)  # type: ignore[arg-type]


def test_replay_that_goes_on_does_not_end() -> None:
    assert _ended(Ending(60, 0), 1000, is_over=False) is None


def test_end_comes_a_moment_after_the_clip_when_everything_is_delivered() -> None:
    ending = Ending(60, 0)

    assert _ended(ending, 100) is None
    assert _ended(ending, 102) == DELIVERED


@pytest.mark.parametrize("facts", [{"is_idle": False}, {"undelivered": 1}])
def test_end_waits_for_the_screen_and_for_delivery(facts: dict[str, object]) -> None:
    ending = Ending(60, 0)

    assert _ended(ending, 100, **facts) is None
    assert _ended(ending, 159, **facts) is None
    assert _ended(ending, 161, **facts) == EVENTS_REMAIN


def test_a_clip_that_cannot_be_read_ends_it() -> None:
    ending = Ending(60, 0)

    assert ending.unreadable(0, is_broken=True) is None
    assert ending.unreadable(60, is_broken=True) is None
    assert ending.unreadable(61, is_broken=True) == NEVER_READY


def test_a_clip_that_breaks_off_again_and_again_ends_it() -> None:
    ending = Ending(60, 0)
    ended = [ending.unreadable(now, is_broken=now % 5 == 0) for now in range(66)]

    assert ended[:61] == [None] * 61
    assert ended[65] == NEVER_READY


def test_a_clip_that_broke_off_once_may_take_its_time() -> None:
    ending = Ending(60, 0)
    ending.unreadable(0, is_broken=True)

    assert [ending.unreadable(now, is_broken=False) for now in range(1, 900)] == [None] * 899
    assert ending.unreadable(900, is_broken=True) is None


def test_kiosk_that_never_gets_ready_ends_too() -> None:
    ending = Ending(60, 10)

    assert ending.not_ready(70) is None
    assert ending.not_ready(71) == NEVER_READY
