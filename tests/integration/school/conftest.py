"""A small school on a real database: SQLite and PostgreSQL alike."""

import itertools
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from protocol.v1.messages import Ack, RawEvent, Status, Watermark
from server.attendance.ingest import Intake, take_in
from server.attendance.register import Judgement
from server.attendance.service import Register, register_of
from server.attendance.tables import QuarantinedEvent, StoredEvent
from server.attendance.verification import Delivery
from server.attendance.watermarks import take_watermark
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault, open_vault
from server.enrollment.gallery import log_change, seal_template
from server.enrollment.tables import ChangeKind, Enrolment, EnrolmentStatus, Template
from server.kiosks import claiming
from server.kiosks.service import create_kiosk, take_status
from server.kiosks.tables import Kiosk, KioskProgress
from server.people.schemas import ConsentCreate, PersonCreate
from server.people.service import add_consent, create_person
from server.people.tables import ConsentRole
from server.timetable import lessons as planning
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.lessons import LessonPlan
from tests.fakes.simulated_kiosk import SimulatedKiosk

MODEL = "dlib-resnet-v1"
_numbers = itertools.count(1)


CONSENT = ConsentCreate(given_by="A Parent", role=ConsentRole.PARENT, text_version="1")


@dataclass
class School:
    """One room, one course, one lesson around now, and ways to look at what happened."""

    database: Database
    vault: Vault
    settings: Settings
    room_id: uuid.UUID
    course_id: uuid.UUID
    lesson_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    people: list[uuid.UUID] = field(default_factory=list)

    def person(self, *, on_roster: bool = True) -> uuid.UUID:
        number = next(_numbers)
        with self.database.transaction() as db:
            person = create_person(
                db,
                PersonCreate(
                    student_number=f"S{number}", given_name=f"Given{number}", family_name="Family"
                ),
                actor="system",
            )
            add_consent(db, person.id, CONSENT, actor="system", at=now(), today=now().date())
            if on_roster:
                roster.add_to_roster(db, self.course_id, person_id=person.id, actor="system")
                self.people.append(person.id)
            return person.id

    def enrol(self, person_id: uuid.UUID, values: tuple[float, ...] = (0.5,) * 128) -> uuid.UUID:
        """Give a person a template, as the enrolment worker does."""
        with self.database.transaction() as db:
            enrolment = Enrolment(
                person_id=person_id,
                status=EnrolmentStatus.ACCEPTED,
                correlation_id="test",
                created_by="system",
            )
            db.add(enrolment)
            db.flush()
            template_id = uuid.uuid4()
            sealed = seal_template(self.vault, template_id, values)
            template = Template(
                id=template_id,
                person_id=person_id,
                enrolment_id=enrolment.id,
                model_id=MODEL,
                dimension=len(values),
                key_id=sealed.key_id,
                data=sealed.data,
                checked_at=now(),
            )
            db.add(template)
            log_change(db, template, ChangeKind.UPSERT, now())
            return template_id

    def erase(self, template_id: uuid.UUID) -> None:
        with self.database.transaction() as db:
            template = db.get_one(Template, template_id)
            log_change(db, template, ChangeKind.TOMBSTONE, now())
            db.delete(template)

    def new_kiosk(self) -> tuple[uuid.UUID, str]:
        """A kiosk that nobody has claimed, and its code."""
        with self.database.transaction() as db:
            kiosk = create_kiosk(
                db, name=f"Kiosk {next(_numbers)}", room_id=self.room_id, actor="system"
            )
            code, _until = claiming.issue_code(db, kiosk, actor="system", at=now())
            return kiosk.id, code

    def code_for(self, kiosk_id: uuid.UUID) -> str:
        with self.database.transaction() as db:
            kiosk = db.get_one(Kiosk, kiosk_id)
            return claiming.issue_code(db, kiosk, actor="system", at=now())[0]

    def claim(
        self, device: SimulatedKiosk, code: str, *, at: datetime | None = None
    ) -> claiming.ClaimOutcome:
        with self.database.transaction() as db:
            request = device.claim_request(code)
            return claiming.claim(db, self.vault, request, at=at or now())

    def kiosk(self) -> SimulatedKiosk:
        """A claimed kiosk."""
        device = SimulatedKiosk()
        _kiosk_id, code = self.new_kiosk()
        outcome = self.claim(device, code, at=self.starts_at - timedelta(days=200))
        assert isinstance(outcome, claiming.Claimed)
        device.kiosk_id = outcome.kiosk.wire_id
        return device

    def revoke(self, device: SimulatedKiosk) -> None:
        with self.database.transaction() as db:
            kiosk = db.get_one(Kiosk, uuid.UUID(device.kiosk_id))
            claiming.revoke(db, kiosk, actor="system", at=now())

    def take(self, *deliveries: Delivery, at: datetime | None = None) -> Intake:
        with self.database.transaction() as db:
            return take_in(db, deliveries, at or now())

    def send(
        self,
        device: SimulatedKiosk,
        *events: RawEvent,
        synced_through: datetime | None = None,
        watermark: Watermark | None = None,
        at: datetime | None = None,
    ) -> Ack:
        payload = device.batch(list(events), synced_through=synced_through, watermark=watermark)
        return self.take(Delivery(device.kiosk_id, payload), at=at).acks[0]

    def status(self, device: SimulatedKiosk, status: Status) -> None:
        """Take in what a kiosk says about itself, as the broker link does."""
        with self.database.transaction() as db:
            kiosk = db.get_one(Kiosk, self.id_of(device))
            take_status(db, kiosk, status, now())
            progress = db.get_one(KioskProgress, kiosk.id)
            take_watermark(db, kiosk, progress, status.watermark, now())
            db.add(progress)

    def id_of(self, device: SimulatedKiosk) -> uuid.UUID:
        return uuid.UUID(device.kiosk_id)

    def stored(self, device: SimulatedKiosk) -> list[StoredEvent]:
        with self.database.reading() as db:
            query = select(StoredEvent).where(StoredEvent.kiosk_id == uuid.UUID(device.kiosk_id))
            return list(db.exec(query.order_by(col(StoredEvent.seq))))

    def quarantined(self) -> list[QuarantinedEvent]:
        with self.database.reading() as db:
            query = select(QuarantinedEvent).order_by(col(QuarantinedEvent.received_at))
            return list(db.exec(query))

    def progress(self, device: SimulatedKiosk) -> KioskProgress:
        with self.database.reading() as db:
            return db.get_one(KioskProgress, uuid.UUID(device.kiosk_id))

    def register(self, at: datetime | None = None) -> Register:
        with self.database.reading() as db:
            return register_of(db, self.lesson_id, at=at or now())

    def mark(self, person_id: uuid.UUID, at: datetime | None = None) -> Judgement:
        lines = self.register(at).lines
        return next(line.mark for line in lines if line.person.id == person_id)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty database of each kind, copied from one that was migrated once."""
    if request.param == "sqlite":
        path = shutil.copy(request.getfixturevalue("migrated_sqlite"), tmp_path / "test.sqlite3")
        url = f"sqlite:///{path}"
    else:
        url = request.getfixturevalue("migrated_postgres_url")
    opened = Database(url)
    yield opened
    opened.close()


def _midday_zone(at: datetime) -> str:
    """A time zone in which it is about noon, so that no lesson of a test begins the day before."""
    return f"Etc/GMT{at.hour - 12:+d}"


@pytest.fixture
def school(database: Database, tmp_path: Path) -> School:
    """The school, with a lesson that began ten minutes ago."""
    at = now()
    settings = Settings(data_dir=tmp_path, timezone=_midday_zone(at), school_name="Test School")
    starts_at, ends_at = at - timedelta(minutes=10), at + timedelta(minutes=35)
    with database.transaction() as db:
        room = timetable.create_room(db, "R12", actor="system")
        course = timetable.create_course(db, code="BIO-9", title="Biology", actor="system")
        plan = LessonPlan(course.id, room.id, starts_at, ends_at)
        meeting = planning.create_lesson(db, plan, zone=settings.zone, at=at, actor="system")
    return School(
        database=database,
        vault=open_vault(settings),
        settings=settings,
        room_id=room.id,
        course_id=course.id,
        lesson_id=meeting.id,
        starts_at=starts_at,
        ends_at=ends_at,
    )
