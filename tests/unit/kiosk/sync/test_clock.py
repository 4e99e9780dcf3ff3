"""The clock believes signed answers, knows how old they are, and claims nothing more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.domain.clock import ClockReading
from kiosk.storage.clock_file import ClockFile
from kiosk.sync.clock import Machine, SystemClock
from protocol.v1.messages import ClockSource
from tests.fakes.machine_clocks import MachineClocks, OffsetMemory

WEEK_S = 7 * 24 * 3600.0
TO_1970_S = -1.7e9


class Kiosk:
    """A clock on a machine, and a server whose clock is `ahead_s` of the true time."""

    def __init__(self, machine: MachineClocks) -> None:
        self.machine = machine
        self.store = OffsetMemory()
        self.clock = SystemClock(self.store, machine)
        self.ahead_s = 0.0

    def asks(self, round_trip_s: float = 0.1) -> None:
        """Ask the server, which answers in the middle of the round trip."""
        sent_s = self.machine.facts.uptime_s
        self.machine.advance(round_trip_s / 2)
        server_time = datetime.fromtimestamp(self.machine.true_s + self.ahead_s, UTC)
        self.machine.advance(round_trip_s / 2)
        received_s = self.machine.facts.uptime_s
        self.clock.compare(server_time, sent_at_s=sent_s, received_at_s=received_s)

    def asks_twice(self) -> None:
        self.asks()
        self.machine.advance(1.5)
        self.asks()

    def restart(self) -> None:
        self.clock = SystemClock(self.store, self.machine)

    def reading(self) -> ClockReading:
        return self.clock.reading()

    def error_s(self) -> float:
        """How far off the best estimate is."""
        return abs(self.reading().best_at.timestamp() - self.machine.true_s)


@pytest.mark.parametrize("wall_off_s", [-240.0, 0.0, 299.0])
def test_one_answer_is_enough_for_a_small_step(wall_off_s: float) -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=wall_off_s))
    before = kiosk.reading().source
    kiosk.asks()

    assert (before, kiosk.reading().source) == (ClockSource.UNSYNCED, ClockSource.SERVER)
    assert kiosk.reading().offset_ms == -1000 * wall_off_s
    assert kiosk.error_s() < 0.002


@pytest.mark.parametrize("wall_off_s", [-20 * 60.0, 301.0, 86_400.0, TO_1970_S])
def test_a_large_step_needs_two_answers(wall_off_s: float) -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=wall_off_s))
    kiosk.asks()
    after_one = kiosk.reading()
    kiosk.machine.advance(1.5)
    kiosk.asks()

    assert (after_one.source, after_one.offset_ms) == (ClockSource.UNSYNCED, None)
    assert kiosk.reading().source is ClockSource.SERVER
    assert kiosk.error_s() < 0.002


def test_two_answers_at_once_are_one(caplog: pytest.LogCaptureFixture) -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=-3600))
    with caplog.at_level("INFO"):
        for _ in range(3):
            kiosk.asks()
            kiosk.machine.advance(0.2)
        at_once = kiosk.reading().source
        kiosk.machine.advance(0.6)
        kiosk.asks()

    assert (at_once, kiosk.reading().source) == (ClockSource.UNSYNCED, ClockSource.SERVER)
    assert [record.getMessage() for record in caplog.records] == [
        "clock differs from the server's by 3600 s, second answer due",
        "clock offset changed by 3600 s, two answers agree",
    ]


def test_two_answers_that_do_not_agree_change_nothing() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=-3600))
    for ahead_s in (0, 3, -4, 900):
        kiosk.ahead_s = ahead_s
        kiosk.asks()
        kiosk.machine.advance(60)

    assert kiosk.reading().source is ClockSource.UNSYNCED


def test_a_second_answer_is_asked_for_once() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=-3600))
    kiosk.asks()
    at_once = kiosk.clock.is_answer_due()
    kiosk.machine.advance(1)
    later = [kiosk.clock.is_answer_due() for _ in range(3)]
    kiosk.asks()

    assert (at_once, later) == (False, [True, False, False])
    assert not kiosk.clock.is_answer_due()


def test_after_two_answers_that_do_not_agree_a_third_is_asked_for() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=-3600))
    due = []
    for ahead_s in (0, 900):
        kiosk.ahead_s = ahead_s
        kiosk.asks()
        kiosk.machine.advance(60)
        due += [kiosk.clock.is_answer_due() for _ in range(2)]

    assert due == [True, False, True, False]


def test_a_server_set_wrong_moves_a_kiosk_that_knows_the_time_only_with_two_answers() -> None:
    kiosk = Kiosk(MachineClocks())
    kiosk.asks()
    kiosk.machine.advance(60)
    kiosk.ahead_s = 3 * 3600
    kiosk.asks()
    after_one = kiosk.error_s()
    kiosk.machine.advance(60)
    kiosk.asks()

    assert after_one < 0.002
    assert abs(kiosk.error_s() - 3 * 3600) < 0.002


@pytest.mark.parametrize("round_trip_s", [-0.1, 10.1, 60.0])
def test_an_answer_that_took_too_long_dates_nothing(round_trip_s: float) -> None:
    kiosk = Kiosk(MachineClocks())
    kiosk.asks(round_trip_s)

    assert kiosk.reading().offset_ms is None


def test_a_slow_answer_does_not_replace_a_better_one() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=-2))
    kiosk.asks(0.1)
    kiosk.machine.advance(60)
    kiosk.ahead_s = 1.5
    kiosk.asks(4.0)
    after_slow = kiosk.reading()
    kiosk.ahead_s = 20
    kiosk.asks(4.0)

    assert after_slow.offset_ms == 2000
    assert after_slow.age_s is not None
    assert after_slow.age_s > 60
    assert kiosk.reading().offset_ms == 22_000  # no delay explains this: the server was set


def test_a_server_in_1970_teaches_nothing() -> None:
    kiosk = Kiosk(MachineClocks())
    kiosk.ahead_s = TO_1970_S
    kiosk.asks_twice()

    assert kiosk.reading().source is ClockSource.UNSYNCED


@pytest.mark.parametrize("step_s", [-86_400.0, -2.0, 0.4, 3 * 3600.0, TO_1970_S])
def test_a_step_of_the_wall_clock_changes_nothing_that_was_learned(step_s: float) -> None:
    kiosk = Kiosk(MachineClocks())
    kiosk.asks()
    kiosk.machine.step_wall(step_s)

    assert kiosk.reading().source is ClockSource.SERVER
    assert kiosk.reading().offset_ms == -1000 * step_s
    assert kiosk.error_s() < 0.002


def test_the_servers_word_wears_off_after_a_week() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=-100))
    kiosk.asks()
    kiosk.machine.advance(WEEK_S - 1)
    fresh = kiosk.reading()
    kiosk.machine.advance(2)
    old = kiosk.reading()

    assert (fresh.source, old.source) == (ClockSource.SERVER, ClockSource.UNSYNCED)
    assert (old.offset_ms, kiosk.error_s() < 0.002) == (100_000, True)


def test_ntp_is_said_as_such_and_the_offset_is_stated() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=-1200))
    kiosk.asks_twice()
    kiosk.machine.set_by_ntp()
    reading = kiosk.reading()

    assert (reading.source, reading.offset_ms) == (ClockSource.NTP, 0)


def test_reading_names_boot_and_uptime() -> None:
    kiosk = Kiosk(MachineClocks())
    facts = kiosk.machine.facts
    earlier = kiosk.reading().earlier(2.5)

    assert (kiosk.reading().boot_id, kiosk.reading().uptime_s) == (facts.boot_id, 20.0)
    assert (earlier.boot_id, earlier.uptime_s) == (facts.boot_id, 17.5)
    assert kiosk.reading().earlier(30).uptime_s == 0


def test_restart_of_the_process_loses_nothing() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=-3600))
    kiosk.asks_twice()
    kiosk.machine.advance(1000)
    kiosk.machine.step_wall(50)
    before = kiosk.reading()
    kiosk.restart()

    assert kiosk.reading() == before
    assert before.source is ClockSource.SERVER


def test_the_offset_is_written_when_it_changes_and_rarely_else() -> None:
    kiosk = Kiosk(MachineClocks())
    for _ in range(31):
        kiosk.asks()
        kiosk.machine.advance(60)
    rarely = kiosk.store.saves
    kiosk.ahead_s = 30
    kiosk.asks()

    assert (rarely, kiosk.store.saves) == (3, 4)


def test_a_night_without_battery_leaves_the_time_unsynced() -> None:
    kiosk = Kiosk(MachineClocks())
    kiosk.asks()
    kiosk.machine.reboot(16 * 3600)
    kiosk.restart()
    reading = kiosk.reading()

    assert (reading.source, reading.offset_ms, reading.age_s) == (ClockSource.UNSYNCED, None, None)


@pytest.mark.parametrize("battery_off_s", [0.0, -1200.0, 45.0])
def test_a_battery_carries_the_offset_through_the_night(battery_off_s: float) -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=battery_off_s, battery_off_s=battery_off_s))
    kiosk.asks_twice()
    kiosk.machine.reboot(16 * 3600)
    kiosk.restart()
    reading = kiosk.reading()

    assert reading.source is ClockSource.RTC
    assert reading.age_s == pytest.approx(16 * 3600, abs=5)
    assert kiosk.error_s() < 1.0


def test_ntp_is_worth_more_than_an_offset_of_an_earlier_boot() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=30, battery_off_s=30))
    kiosk.asks()
    kiosk.machine.reboot(3600)
    kiosk.restart()
    kiosk.machine.set_by_ntp()
    reading = kiosk.reading()

    assert (reading.source, reading.offset_ms) == (ClockSource.NTP, None)


@pytest.mark.parametrize(
    ("off_s", "is_battery_dead"), [(3600.0, True), (WEEK_S, False), (-7200.0, False)]
)
def test_a_battery_clock_that_did_not_run_on_carries_nothing(
    off_s: float, *, is_battery_dead: bool
) -> None:
    kiosk = Kiosk(MachineClocks(battery_off_s=0))
    kiosk.asks()
    kiosk.machine.reboot(off_s, is_battery_dead=is_battery_dead)
    kiosk.restart()

    assert kiosk.reading().offset_ms is None


@pytest.mark.parametrize(
    ("battery_off_s", "source"),
    [
        (None, ClockSource.UNSYNCED),
        (0.0, ClockSource.RTC),
        (30.0, ClockSource.RTC),
        (120.0, ClockSource.UNSYNCED),
        (TO_1970_S, ClockSource.UNSYNCED),
    ],
)
def test_battery_clock_is_named_only_where_the_time_comes_from_it(
    battery_off_s: float | None, source: ClockSource
) -> None:
    kiosk = Kiosk(MachineClocks(battery_off_s=battery_off_s))

    assert kiosk.reading().source is source


def test_a_battery_clock_that_was_never_set_is_no_source() -> None:
    kiosk = Kiosk(MachineClocks(wall_off_s=TO_1970_S, battery_off_s=TO_1970_S))

    assert kiosk.reading().source is ClockSource.UNSYNCED


def test_a_file_of_another_boot_of_the_same_name_is_not_believed() -> None:
    kiosk = Kiosk(MachineClocks(battery_off_s=0))
    kiosk.machine.advance(500)
    kiosk.asks()
    other = MachineClocks(battery_off_s=0)
    other.facts = replace(other.facts, boot_id=kiosk.reading().boot_id)

    assert SystemClock(kiosk.store, other).reading().offset_ms is None


def test_this_machine_has_clocks(tmp_path: Path) -> None:
    (tmp_path / "ntp").touch()
    (tmp_path / "rtc").write_text("1795766400\n")
    machine = Machine(tmp_path / "ntp", tmp_path / "rtc")
    bare = Machine(tmp_path / "none", tmp_path / "none", tmp_path / "none")
    facts = machine.look()

    assert facts.is_ntp
    assert facts.battery_s == 1795766400
    assert facts.boot_id == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert abs(facts.wall_s - datetime.now(UTC).timestamp()) < 5
    assert 0 < facts.uptime_s <= machine.look().uptime_s
    assert (bare.look().is_ntp, bare.look().battery_s) == (False, None)
    assert bare.look().boot_id


@pytest.mark.parametrize("text", ["", "soon", "-5", "\xff"])
def test_a_battery_clock_that_says_nonsense_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "rtc").write_text(text, encoding="latin-1")

    assert Machine(rtc_time=tmp_path / "rtc").look().battery_s is None


def test_the_real_clock_keeps_its_offset_in_a_file(tmp_path: Path) -> None:
    store = ClockFile(tmp_path / "clock.json")
    clock = SystemClock(store)
    now_s = clock.uptime_s()
    server_time = datetime.now(UTC) + timedelta(seconds=200)
    clock.compare(server_time, sent_at_s=now_s - 0.1, received_at_s=now_s)
    again = SystemClock(ClockFile(tmp_path / "clock.json")).reading()

    assert again.source is clock.reading().source
    assert again.offset_ms == pytest.approx(200_050, abs=50)
