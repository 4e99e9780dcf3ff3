"""Who may open the technician screen."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.desk_states import PAD_S
from kiosk.domain.technician import OPEN_S, TechnicianAccess, TechnicianState, technician_pin
from kiosk.domain.waits import FIRST_WAIT_S, FREE_TRIES

PIN, WRONG = "481926", "000000"
CLOSED, ASKS, OPEN = TechnicianState.CLOSED, TechnicianState.PIN, TechnicianState.OPEN


class Bench:
    """A gate with a clock that the test turns."""

    def __init__(self, pin: str | None = PIN) -> None:
        self.now_s = 10.0
        self.access = TechnicianAccess(lambda: self.now_s)
        self.access.require(pin)
        self.access.open()

    def later(self, seconds: float) -> TechnicianState:
        self.now_s += seconds
        self.access.tick()
        return self.access.state


def test_the_pin_depends_on_the_key_and_stays_the_same() -> None:
    first, second = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
    assert technician_pin(first) == technician_pin(first) != technician_pin(second)
    assert len(technician_pin(first)) == 6
    assert technician_pin(first).isdigit()


def test_only_the_pin_opens_the_screen() -> None:
    bench = Bench()
    bench.access.enter(WRONG)
    assert (bench.access.state, bench.access.is_wrong) == (ASKS, True)
    bench.access.enter(PIN)
    assert (bench.access.state, bench.access.is_wrong) == (OPEN, False)


def test_wrong_pins_wait_also_after_the_pad_was_closed() -> None:
    bench = Bench()
    for _ in range(FREE_TRIES):
        bench.access.enter(WRONG)
    bench.access.close()
    bench.access.open()
    assert bench.access.wait_s == FIRST_WAIT_S
    bench.access.enter(PIN)
    assert bench.access.state is ASKS
    assert bench.later(FIRST_WAIT_S) is ASKS
    bench.access.enter(PIN)
    assert bench.access.state is OPEN


def test_a_pad_that_nobody_touches_closes() -> None:
    bench = Bench()
    assert bench.later(PAD_S - 0.1) is ASKS
    bench.access.touch()
    assert bench.later(PAD_S - 0.1) is ASKS
    assert bench.later(0.1) is CLOSED


def test_the_screen_closes_after_two_minutes_without_a_touch() -> None:
    bench = Bench(pin=None)
    assert bench.later(OPEN_S - 0.1) is OPEN
    bench.access.touch()
    assert bench.later(OPEN_S - 0.1) is OPEN
    assert bench.later(0.1) is CLOSED


@pytest.mark.parametrize(("pin", "left"), [(PIN, CLOSED), (None, OPEN)])
def test_a_screen_that_was_open_without_a_pin_closes_when_there_is_one(
    pin: str | None, left: TechnicianState
) -> None:
    bench = Bench(pin=None)
    bench.access.require(pin)
    assert bench.access.state is left
