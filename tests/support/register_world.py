"""A school whose past is judged, inside one transaction that every example rolls back."""

import itertools
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlmodel import Session

from protocol.v1.messages import RawEvent
from server.attendance.ingest import take_in
from server.attendance.service import register_of
from server.attendance.verification import Delivery
from server.config import Settings
from server.db.types import now
from server.db.vault import Vault, open_vault
from server.errors import ServerError
from server.kiosks import claiming
from server.kiosks.service import create_kiosk
from server.kiosks.tables import Kiosk
from server.people.schemas import PersonCreate
from server.people.service import create_person
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.lessons import LessonPlan, create_lesson
from server.timetable.tables import RosterEntry
from tests.fakes.simulated_kiosk import SimulatedKiosk

ZONE = ZoneInfo("Europe/Berlin")
NONE = uuid.UUID(int=0)
Snapshot = tuple[object, ...]


@dataclass
class World:
    """Two lessons of yesterday in one room: one settled, one that waits for its kiosk.

    In the settled lesson two students were present, one late, one absent; the late one's sighting
    and that of one who came early named no lesson. Every read is as of `later`, so that the clock
    alone changes nothing.
    """

    db: Session
    vault: Vault
    noon: datetime
    rooms: list[uuid.UUID] = field(default_factory=list)
    courses: list[uuid.UUID] = field(default_factory=list)
    people: list[uuid.UUID] = field(default_factory=list)
    kiosks: list[uuid.UUID] = field(default_factory=list)
    devices: list[SimulatedKiosk] = field(default_factory=list)
    lessons: list[uuid.UUID] = field(default_factory=list)
    settled: uuid.UUID = NONE
    waiting: uuid.UUID = NONE
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def later(self) -> datetime:
        return self.noon + timedelta(days=400)

    def lists(self) -> dict[str, list[object]]:
        """Copies of what the world knows of."""
        return {key: list(kept) for key, kept in vars(self).items() if isinstance(kept, list)}

    def person(self) -> uuid.UUID:
        number = next(self.numbers)
        new = PersonCreate(
            student_number=f"W{number}", given_name=f"Given{number}", family_name=f"Family{number}"
        )
        self.people.append(create_person(self.db, new, actor="system").id)
        return self.people[-1]

    def room(self) -> uuid.UUID:
        self.rooms.append(
            timetable.create_room(self.db, f"Room {next(self.numbers)}", actor="system").id
        )
        return self.rooms[-1]

    def course(self) -> uuid.UUID:
        code = f"C-{next(self.numbers)}"
        self.courses.append(
            timetable.create_course(self.db, code=code, title="Course", actor="system").id
        )
        return self.courses[-1]

    def lesson(self, course: uuid.UUID, room: uuid.UUID, starts_at: datetime) -> uuid.UUID:
        plan = LessonPlan(
            course, room, starts_at, starts_at + timedelta(minutes=45), allow_double=True
        )
        added = create_lesson(self.db, plan, zone=ZONE, at=now(), actor="system")
        self.lessons.append(added.id)
        return added.id

    def on_roster(self, course: uuid.UUID, person: uuid.UUID) -> RosterEntry:
        """Put a person on a roster as if it had been done before the lessons."""
        entry = roster.add_to_roster(self.db, course, person_id=person, actor="system")
        entry.counts_after = None
        self.db.flush()
        return entry

    def kiosk(self, room: uuid.UUID, *, at: datetime) -> SimulatedKiosk:
        kiosk = create_kiosk(
            self.db, name=f"Kiosk {next(self.numbers)}", room_id=room, actor="system"
        )
        self.kiosks.append(kiosk.id)
        device = SimulatedKiosk()
        self.claim(kiosk.id, device, at=at)
        self.devices.append(device)
        return device

    def claim(self, kiosk_id: uuid.UUID, device: SimulatedKiosk, *, at: datetime) -> None:
        kiosk = self.db.get_one(Kiosk, kiosk_id)
        code, _until = claiming.issue_code(self.db, kiosk, actor="system", at=at)
        outcome = claiming.claim(self.db, self.vault, device.claim_request(code), at=at)
        assert isinstance(outcome, claiming.Claimed)
        device.kiosk_id = outcome.kiosk.wire_id
        self.db.flush()

    def send(
        self,
        device: SimulatedKiosk,
        *events: RawEvent,
        at: datetime,
        through: datetime | None = None,
    ) -> None:
        payload = device.batch(list(events), synced_through=through)
        take_in(self.db, [Delivery(device.kiosk_id, payload)], at)
        self.db.flush()

    def snapshot(self, lesson_id: uuid.UUID) -> Snapshot:
        """Everything a register says, without names."""
        self.db.flush()
        register = register_of(self.db, lesson_id, at=self.later)
        return (
            register.policy_version,
            register.window,
            register.counts,
            sorted((str(line.person.id), repr(line.mark)) for line in register.lines),
            sorted(str(one.kiosk.id) for one in register.waiting_for),
        )

    def past(self) -> tuple[Snapshot, Snapshot]:
        return self.snapshot(self.settled), self.snapshot(self.waiting)


def build(db: Session, vault: Vault) -> World:
    """Make the school and its past."""
    noon = (now() - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)
    world = World(db, vault, noon)
    room, course, other = world.room(), world.course(), world.course()
    world.room()
    ada, ben, _chi, dan = (world.person() for _ in range(4))
    for person in world.people:
        world.on_roster(course, person)
    world.on_roster(other, ada)
    device = world.kiosk(room, at=noon - timedelta(days=7))
    world.settled = world.lesson(course, room, noon)
    world.waiting = world.lesson(other, room, noon + timedelta(minutes=45))
    reported = noon + timedelta(minutes=60)
    world.send(
        device,
        device.event(noon + timedelta(minutes=1), person_id=ada, lesson_id=world.settled),
        device.event(noon + timedelta(minutes=7), person_id=ben),
        device.event(noon - timedelta(minutes=10), person_id=dan),
        at=reported,
        through=reported,
    )
    return world


@contextmanager
def attempted(world: World) -> Iterator[None]:
    """One step; what the server refuses leaves no trace, in the database or in the world."""
    kept = world.lists()
    try:
        with world.db.begin_nested():
            yield
    except ServerError:
        vars(world).update(kept)


@contextmanager
def rolled_back(world: World) -> Iterator[None]:
    """Undo in the database whatever one example does, and forget it in the world too."""
    kept = world.lists()
    trial = world.db.begin_nested()
    try:
        yield
    finally:
        if trial.is_active:
            trial.rollback()
        world.db.expire_all()
        vars(world).update(kept)


def vault_in(folder: Path) -> Vault:
    """Keys for one test run."""
    return open_vault(Settings(data_dir=folder))
