"""The kinds of faults, and when they happen: drawn for each run from its seed."""

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from kiosk.domain.health import LinkHealth
from tests.simulation import disk, school
from tests.simulation.kinds import KINDS
from tests.simulation.world import START

if TYPE_CHECKING:
    from tests.simulation.kiosk_host import KioskHost
    from tests.simulation.run import Simulation

_SHORT_S, _LONG_S = (20.0, 900.0), (600.0, 14400.0)
_FEW = 4  # so few kinds are asked for to look at each of them


class Faults:
    """Plans and carries out the faults of one run.

    Attributes:
        happened: how often each kind happened.
    """

    def __init__(self, simulation: "Simulation") -> None:
        self.run = simulation
        self.world = simulation.world
        self.happened: Counter[str] = Counter()
        self.is_over = False
        chance = self.world.chance
        allowed = sorted(simulation.plan.faults & set(KINDS))
        share = 1.0 if len(allowed) <= _FEW else 0.45
        self._kinds = [name for name in allowed if chance.random() < share]
        self.backups: list[disk.Backup] = []
        self.shared: set[str] = set()
        self.holders: set[tuple[int, str]] = set()
        self.claimed_again: set[int] = set()

    def has(self, name: str) -> bool:
        """Whether this run may have a kind of fault."""
        return name in self._kinds

    def plan_all(self) -> None:
        """Draw when each kind happens; a backup is made on every day."""
        chance = self.world.chance
        for day in range(self.run.plan.days):
            start = START + timedelta(days=day)
            self.world.at(start + timedelta(hours=chance.uniform(0, 9)), "backup", self._back_up)
            for name in self._kinds:
                for _ in range(chance.choice((1, 1, 2, 4))):
                    moment = start + timedelta(hours=chance.uniform(0.2, 6))
                    self.world.at(moment, name, partial(self._do, name))

    def _do(self, name: str) -> None:
        if self.is_over:
            return
        self.happened[name] += 1
        self.world.note(f"fault: {name}")
        KINDS[name](self)

    def kiosk(self) -> "KioskHost":
        """Draw a kiosk."""
        return self.world.chance.choice([one for one in self.run.kiosks if not one.is_removed])

    def for_a_while(self, undo: Callable[[], None], *, is_short: bool = False) -> None:
        """Undo a fault after a time."""
        span = _SHORT_S if is_short else _LONG_S
        self.world.later(self.world.chance.uniform(*span), "fault ends", undo)

    def _back_up(self) -> None:
        if not self.is_over:
            self.backups.append(disk.back_up(self.run))

    def repair(self) -> None:
        """End all faults: the technician's visit."""
        self.is_over = True
        run, weather = self.run, self.run.weather
        self.world.note("everything is repaired")
        weather.loss = weather.repeat = weather.late = 0.0
        weather.cut.clear()
        weather.portals.clear()
        run.broker.start()
        for server in run.servers:
            server.is_full, server.fuse = False, None
            server.wall_offset = timedelta(0)
            if not server.is_up:
                server.start()
        for kiosk in run.kiosks:
            if "-clone" in kiosk.name:
                self._take_away(kiosk)
        for kiosk in run.kiosks:
            if not kiosk.is_removed:
                self._visit(kiosk)

    def _visit(self, kiosk: "KioskHost") -> None:
        kiosk.is_full, kiosk.fuse = False, None
        kiosk.has_ntp, kiosk.has_rtc = True, True
        kiosk.wall_offset = timedelta(0)
        kiosk.mark_sources()
        if not kiosk.is_up:
            kiosk.boot()
        device = kiosk.device
        door = kiosk.door_name
        is_lost = device is None or device.client.health is not LinkHealth.UP
        if is_lost or (door in self.shared and kiosk.is_up):
            self.shared.discard(door)
            self.claim_again(kiosk)

    def _take_away(self, kiosk: "KioskHost") -> None:
        """Remove a clone; what it recorded and did not deliver is lost with it."""
        if not kiosk.is_removed:
            kiosk.halt()
            kiosk.is_removed = True
            self.run.oracle.lose(kiosk.name, "rolled back", set())

    def claim_again(self, kiosk: "KioskHost") -> None:
        """Give a kiosk a new claim code, as a technician does."""
        door = kiosk.door
        self.claimed_again.add(door)

        def hand_over(code: str) -> None:
            if kiosk.is_up:
                kiosk.typed_code = code
                kiosk.poke()
            else:
                kiosk.claim_code = code
                self.world.later(5.0, "boot", kiosk.boot)

        self.run.office.do("code", school.issue_code(self.run.school.kiosk_ids[door], hand_over))

    def _unconfirmed(self) -> list[str]:
        """Return erasures that a kiosk owes a receipt for.

        A kiosk that got a new claim deleted everything with the old key and owes none. A server
        that was restored has lost receipts, and kiosks keep none that it had.
        """
        if "server_restore" in self.happened:
            return []
        with self.run.servers[0].database.reading() as db:
            confirmed = school.receipts(db)
        ids = self.run.school.kiosk_ids
        return [
            f"no receipt of kiosk {door} for the erasure of {person_id[-4:]}"
            for door, person_id in sorted(self.holders)
            if door not in self.claimed_again and (ids[door], person_id) not in confirmed
        ]

    def left_over(self) -> list[str]:
        """Return what does not work although everything is repaired."""
        problems = self._unconfirmed()
        for kiosk in self.run.kiosks:
            device = kiosk.device
            if kiosk.gave_up and kiosk.door_name not in self.run.office.revoked:
                problems.append(f"{kiosk.name} gave up its claim, and nobody had revoked it")
            if kiosk.is_removed:
                continue
            if device is None:
                problems.append(f"{kiosk.name} does not serve people after the repair")
            elif device.outbox.waiting or device.outbox.refused:
                problems.append(
                    f"{kiosk.name} keeps {device.outbox.waiting} waiting and"
                    f" {device.outbox.refused} refused events"
                )
            else:
                gone = self.run.school.withdrawn & device.gallery.people()
                problems += [f"{kiosk.name} still has templates of {one}" for one in sorted(gone)]
        return problems
