"""Whatever happens to clocks, answers and the machine, a reading claims only what it knows."""

from datetime import UTC, datetime

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from kiosk.domain.offset import DRIFT, FRESH_S, LARGE_STEP_S, MAX_ROUND_TRIP_S
from kiosk.sync.clock import SystemClock
from protocol.v1.messages import ClockSource
from tests.fakes.machine_clocks import TRUE_START_S, MachineClocks, OffsetMemory

_OFFSETS = st.one_of(
    st.floats(-2e9, 2e9), st.floats(-400, 400), st.sampled_from([0.0, -1.0, 300.0, 300.5])
)
_LONGEST_S = 3 * FRESH_S


class ClockLife(RuleBasedStateMachine):
    """A kiosk with an honest server, a quartz, a wall clock that anybody steps, and power cuts.

    What is true is kept here: when the last honest answer came in this boot, and whether the
    battery-backed clock ran on since an answer.
    """

    @initialize(
        wall_off_s=_OFFSETS,
        battery_off_s=st.one_of(st.none(), st.sampled_from([0.0, -500.0, -1.7e9])),
        drift=st.floats(-DRIFT, DRIFT),
    )
    def begin(self, wall_off_s: float, battery_off_s: float | None, drift: float) -> None:
        wall_off_s = max(wall_off_s, -TRUE_START_S)
        self.machine = MachineClocks(wall_off_s=wall_off_s, battery_off_s=battery_off_s)
        self.store = OffsetMemory()
        self.clock = SystemClock(self.store, self.machine)
        self.drift = drift
        self.answered_s: float | None = None

    @rule(seconds=st.one_of(st.floats(0, 5), st.floats(0, 100_000), st.just(FRESH_S)))
    def advance(self, seconds: float) -> None:
        self.machine.advance(seconds, self.drift)

    @rule(seconds=_OFFSETS)
    def step_wall(self, seconds: float) -> None:
        self.machine.step_wall(max(seconds, -self.machine.facts.wall_s))

    @rule()
    def ntp(self) -> None:
        self.machine.set_by_ntp()

    @rule()
    def restart(self) -> None:
        self.clock = SystemClock(self.store, self.machine)

    @rule(
        off_s=st.one_of(st.floats(0, 100), st.floats(0, _LONGEST_S)), is_battery_dead=st.booleans()
    )
    def reboot(self, off_s: float, *, is_battery_dead: bool) -> None:
        self.machine.reboot(off_s, is_battery_dead=is_battery_dead)
        self.clock = SystemClock(self.store, self.machine)
        self.answered_s = None

    @rule(there_s=st.floats(0, 8), back_s=st.floats(0, 8))
    def answer(self, there_s: float, back_s: float) -> None:
        """The honest server answers; the delays need not be alike."""
        sent_s = self.machine.facts.uptime_s
        self.machine.advance(there_s, self.drift)
        server_time = datetime.fromtimestamp(self.machine.true_s, UTC)
        self.machine.advance(back_s, self.drift)
        received_s = self.machine.facts.uptime_s
        self.clock.compare(server_time, sent_at_s=sent_s, received_at_s=received_s)
        if received_s - sent_s <= MAX_ROUND_TRIP_S:
            self.answered_s = received_s

    @precondition(lambda self: not self.machine.facts.is_ntp)
    @rule(wrong_s=st.floats(LARGE_STEP_S + 10, 1e8))
    def one_wrong_answer(self, wrong_s: float) -> None:
        """A single answer with a time far off moves nothing."""
        before = self.clock.reading()
        now_s = self.machine.facts.uptime_s
        base_s = max(self.machine.true_s, before.best_at.timestamp())
        wrong = datetime.fromtimestamp(base_s + wrong_s, UTC)
        self.clock._rules.first = None
        self.clock.compare(wrong, sent_at_s=now_s, received_at_s=now_s)

        assert self.clock.reading() == before
        self.clock._rules.first = None

    @invariant()
    def the_source_has_its_ground(self) -> None:
        if not hasattr(self, "machine"):
            return
        reading, facts = self.clock.reading(), self.machine.facts
        assert (reading.source is ClockSource.NTP) == facts.is_ntp
        assert (reading.offset_ms is None) == (reading.age_s is None)
        if reading.source is ClockSource.SERVER:
            assert self.answered_s is not None
            assert reading.age_s is not None
            assert facts.uptime_s - self.answered_s <= reading.age_s < FRESH_S
        if reading.source is ClockSource.RTC:
            assert facts.battery_s is not None

    @invariant()
    def the_time_is_within_its_bound(self) -> None:
        """With the server's word, of this boot or carried by a battery, the time is right."""
        if not hasattr(self, "machine"):
            return
        reading = self.clock.reading()
        if reading.offset_ms is None or reading.age_s is None:
            return
        bound_s = MAX_ROUND_TRIP_S / 2 + 2 + 2 * DRIFT * reading.age_s
        if reading.age_s < FRESH_S:
            assert abs(reading.best_at.timestamp() - self.machine.true_s) <= bound_s


ClockLife.TestCase.settings = settings(stateful_step_count=25)
TestClockLife = ClockLife.TestCase
