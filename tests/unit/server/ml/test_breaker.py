"""The breaker: opens, rests, lets one through."""

import pytest

from server.ml.breaker import CircuitBreaker


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def breaker(clock: FakeClock) -> CircuitBreaker:
    return CircuitBreaker(clock, failure_limit=2, rest_s=60)


@pytest.fixture
def opened(breaker: CircuitBreaker) -> CircuitBreaker:
    assert breaker.try_acquire()
    assert not breaker.fail()
    assert breaker.try_acquire()
    assert breaker.fail()
    return breaker


def test_success_forgets_earlier_failures(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        breaker.fail()
        breaker.succeed()
    assert breaker.try_acquire()


def test_open_breaker_refuses_until_its_rest_is_over(
    opened: CircuitBreaker, clock: FakeClock
) -> None:
    assert opened.is_open
    assert not opened.try_acquire()
    clock.now_s = 59.9
    assert not opened.try_acquire()
    clock.now_s = 60
    assert not opened.is_open
    assert opened.try_acquire()


def test_only_one_caller_probes(opened: CircuitBreaker, clock: FakeClock) -> None:
    clock.now_s = 60
    assert [opened.try_acquire() for _ in range(3)] == [True, False, False]


def test_failed_probe_rests_again_without_another_alarm(
    opened: CircuitBreaker, clock: FakeClock
) -> None:
    clock.now_s = 60
    opened.try_acquire()
    assert not opened.fail()
    assert not opened.try_acquire()
    clock.now_s = 120
    assert opened.try_acquire()


def test_successful_probe_closes(opened: CircuitBreaker, clock: FakeClock) -> None:
    clock.now_s = 60
    opened.try_acquire()
    assert opened.succeed()
    assert [opened.try_acquire() for _ in range(3)] == [True, True, True]


def test_probe_that_never_ends_is_given_up(opened: CircuitBreaker, clock: FakeClock) -> None:
    clock.now_s = 60
    opened.try_acquire()
    clock.now_s = 120
    assert opened.try_acquire()
