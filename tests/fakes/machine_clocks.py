"""The clocks of a machine that a test turns: wall, uptime, battery; restarts and power cuts."""

import uuid
from dataclasses import dataclass, replace

from kiosk.domain.offset import ClockFacts, KeptOffset
from tests.fakes.kiosk_clock import START

TRUE_START_S = START.timestamp()


class MachineClocks:
    """Implements `kiosk.sync.clock.ClockHardware`.

    Attributes:
        true_s: the true time, seconds since 1970 UTC, which nothing in the kiosk can read.
        facts: what the machine's clocks show.
    """

    def __init__(self, *, wall_off_s: float = 0.0, battery_off_s: float | None = None) -> None:
        self.true_s = TRUE_START_S
        self.facts = ClockFacts(
            wall_s=self.true_s + wall_off_s,
            uptime_s=20.0,
            boot_id=str(uuid.uuid4()),
            battery_s=None if battery_off_s is None else self.true_s + battery_off_s,
        )

    def look(self) -> ClockFacts:
        return self.facts

    def monotonic_s(self) -> float:
        return self.facts.uptime_s

    def advance(self, seconds: float, drift: float = 0.0) -> None:
        """Let true time pass; uptime and wall clock run fast by `drift`."""
        self.true_s += seconds
        ticks_s = seconds * (1 + drift)
        facts = self.facts
        battery_s = None if facts.battery_s is None else facts.battery_s + seconds
        self.facts = replace(
            facts,
            uptime_s=facts.uptime_s + ticks_s,
            wall_s=facts.wall_s + ticks_s,
            battery_s=battery_s,
        )

    def step_wall(self, seconds: float) -> None:
        self.facts = replace(self.facts, wall_s=self.facts.wall_s + seconds)

    def set_by_ntp(self) -> None:
        self.facts = replace(self.facts, wall_s=self.true_s, is_ntp=True)

    def reboot(self, off_s: float, *, is_battery_dead: bool = False) -> None:
        """Switch off and on. Without a battery the wall clock goes on from where it stood."""
        self.true_s += off_s
        saved_s, battery_s = self.facts.wall_s, self.facts.battery_s
        if battery_s is not None:
            battery_s = 0.0 if is_battery_dead else battery_s + off_s
        wall_s = battery_s if battery_s else saved_s
        self.facts = ClockFacts(wall_s, 5.0, str(uuid.uuid4()), battery_s=battery_s)


@dataclass
class OffsetMemory:
    """Implements `kiosk.domain.offset.OffsetStore` without a disk."""

    kept: KeptOffset | None = None
    saves: int = 0

    def load(self) -> KeptOffset | None:
        return self.kept

    def save(self, kept: KeptOffset) -> None:
        self.kept = kept
        self.saves += 1
