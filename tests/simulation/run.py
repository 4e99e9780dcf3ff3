"""One run: some school days with faults, then repair, then a clean lesson, then the verdict."""

import shutil
import tempfile
import time
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from kiosk.domain.screens import Welcome
from tests.simulation.ambient import VirtualLoop
from tests.simulation.broker import Broker, Weather
from tests.simulation.faults import Faults
from tests.simulation.kinds import ALL_FAULTS
from tests.simulation.kiosk_host import KioskHost
from tests.simulation.links import Place
from tests.simulation.network import HTTPServer, Network
from tests.simulation.office import Office
from tests.simulation.oracle import Oracle
from tests.simulation.school import MODEL, PlannedLesson, close_gaps, found
from tests.simulation.server_host import ServerHost
from tests.simulation.stage import replaced
from tests.simulation.verdict import Verdict
from tests.simulation.world import START, World

_RAM = Path("/dev/shm")
_measured = time.perf_counter  # before the simulation replaces the clocks


@dataclass(frozen=True)
class Plan:
    """What to run; equal plans give equal runs.

    Attributes:
        seed: of every decision.
        days: school days with faults; one more without follows.
        kiosks: doors, one kiosk each.
        faults: names of the kinds that may happen.
        mutation: a fault of the product to bring back, see `tests.simulation.mutations`.
    """

    seed: int
    days: int = 2
    kiosks: int = 2
    faults: frozenset[str] = ALL_FAULTS
    mutation: str | None = None


@dataclass
class Outcome:
    """What a run came to.

    Attributes:
        problems: broken promises, in words; empty where all held.
        digest: hash of the trace.
        tail: the last steps.
        happened: how often each fault happened.
        marks: how many marks people saw as recorded.
        wall_s: real seconds.
    """

    plan: Plan
    problems: list[str] = field(default_factory=list)
    digest: str = ""
    tail: list[str] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)
    marks: int = 0
    steps: int = 0
    wall_s: float = 0.0


class Simulation:
    """Machines, network, broker, office and fault plan of one run."""

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.plan = plan
        self.world = World(plan.seed, folder)
        self.weather = Weather()
        self.broker = Broker(self.world, self.weather)
        Place.world, Place.broker = self.world, self.broker
        self.servers: list[ServerHost] = []
        self.kiosks: list[KioskHost] = []
        self.network = Network(self.world, self.weather, self._http_servers)
        self.oracle = Oracle(self.world)
        self.problems: list[str] = []
        self.loop = VirtualLoop()

    def _http_servers(self) -> list[HTTPServer]:
        return list(self.servers)

    def build(self) -> None:
        """Found the school and switch everything on."""
        world, plan = self.world, self.plan
        folder = world.folder / "server"
        folder.mkdir()
        first = ServerHost(world, "server-1", folder, self.loop)
        self.school = found(first.settings, plan.days, plan.kiosks, world.chance)
        self.oracle.lesson_at = self.school.lesson_at
        self.servers.append(first)
        self.faults = Faults(self)
        if self.faults.has("two_servers"):
            self.servers.append(ServerHost(world, "server-2", folder, self.loop))
            # As on Mosquitto; with other seeds as on a broker where both store everything.
            self.broker.can_share = self.plan.seed % 2 == 1
        for server in self.servers:
            server.start()
        self.office = Office(world, self.servers, self.school)
        for door in range(plan.kiosks):
            self._hang(door)
        self._plan_arrivals()

    def _hang(self, door: int) -> None:
        kiosk = KioskHost(
            self.world,
            f"kiosk-{door}",
            self.world.folder / f"kiosk-{door}",
            uses_broker=self.world.happens(0.8),
        )
        kiosk.claim_code = self.school.codes[door]
        self.kiosks.append(kiosk)
        self.world.later(5.0 + door, "boot", kiosk.boot)

    def _plan_arrivals(self) -> None:
        chance = self.world.chance
        for lesson in self.school.lessons:
            for person_id in lesson.students:
                if chance.random() < 0.8:
                    minutes = chance.uniform(-12, 20)
                    self._plan_arrival(lesson, person_id, minutes)
                    if chance.random() < 0.15:
                        self._plan_arrival(lesson, person_id, minutes + chance.uniform(0.1, 15))

    def _plan_arrival(self, lesson: PlannedLesson, person_id: str, minutes: float) -> None:
        moment = lesson.starts_at + timedelta(minutes=minutes)
        self.world.at(moment, "arrival", lambda: self._arrive(lesson.door, person_id))

    def _arrive(self, door: int, person_id: str) -> None:
        for kiosk in self.machines_at(door):
            self.oracle.fresh.clear()
            screen = kiosk.see(person_id, MODEL)
            self.world.note(f"{kiosk.name} shows {person_id[-4:]} {type(screen).__name__}")
            if screen is not None:
                self.oracle.all_shown()
            if isinstance(screen, Welcome):
                self.oracle.shown(kiosk.name, person_id, screen.answer_id)

    def machines_at(self, door: int) -> list[KioskHost]:
        """Return the kiosk at a door; where it was cloned, one of the two takes each person."""
        fitting = [one for one in self.kiosks if one.door == door]
        up = [one for one in fitting if one.is_up]
        return [self.world.chance.choice(up)] if up else []

    def days(self) -> None:
        """Hold the school days, with faults."""
        self.faults.plan_all()
        for lesson in self.school.lessons:
            self.world.at(lesson.starts_at + timedelta(minutes=70), "check", self._check_now)
        self.world.run_until(START + timedelta(days=self.plan.days - 1, hours=9))

    def repair(self) -> None:
        """End every fault and let everything settle; hold a clean lesson."""
        for _ in range(3):  # a technician comes back until everything works
            self.faults.repair()
            self.world.run_until(self.world.now + timedelta(hours=1))
        last = START + timedelta(days=self.plan.days)
        self.world.run_until(last - timedelta(hours=2))
        self.faults.repair()
        self.servers[0].judge_again()
        self.problems += self._verdict().check_marks(is_final=True)
        self.office.do("close gaps", close_gaps)
        self.world.run_until(last + timedelta(hours=5))

    def verdict(self) -> list[str]:
        """Compare the register with what happened."""
        last_day = START + timedelta(days=self.plan.days)
        verdict = self._verdict()
        clean = [one for one in self.school.lessons if one.starts_at > last_day]
        problems = [*self.problems, *self.faults.left_over(), *verdict.check_settled(clean)]
        return list(dict.fromkeys(problems + verdict.check_invented()))

    def _verdict(self) -> Verdict:
        server = self.servers[0]
        with server.database.reading() as db:
            return Verdict(db, self.oracle, at=self.world.now)

    def _check_now(self) -> None:
        """Hold what must hold at every moment: nobody absent whom a kiosk recorded."""
        self.servers[0].judge_again()
        if self.servers[0].is_up and not self.problems:
            self.problems += self._verdict().check_marks(is_final=False)
            for problem in self.problems:
                self.world.note(f"broken: {problem}")

    def close(self) -> None:
        """Close every file."""
        for server in self.servers:
            server.stop()
        for kiosk in self.kiosks:
            kiosk.halt()
        self.loop.close()


def run(plan: Plan) -> Outcome:
    """Run a plan from beginning to end."""
    outcome = Outcome(plan)
    began = _measured()
    folder = Path(tempfile.mkdtemp(prefix="rollcall-run-", dir=_RAM if _RAM.is_dir() else None))
    try:
        simulation = Simulation(plan, folder)
        with replaced(simulation.world, simulation.network, simulation.oracle, plan.mutation):
            simulation.build()
            try:
                simulation.days()
                simulation.repair()
                outcome.problems = simulation.verdict()
            finally:
                outcome.digest = simulation.world.digest
                outcome.tail = list(simulation.world.tail)
                outcome.happened = dict(simulation.faults.happened)
                outcome.steps = simulation.world.steps
                simulation.close()
        outcome.marks = sum(mark.is_shown for mark in simulation.oracle.marks.values())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    outcome.wall_s = _measured() - began
    return outcome
