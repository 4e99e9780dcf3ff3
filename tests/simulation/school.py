"""The school of a run: rooms, courses, students, lessons; and what its office does."""

import base64
import random
import shutil
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from sqlmodel import Session, select

from protocol.v1.messages import Status, Watermark
from server.accounts.service import ensure_admin
from server.attendance import lost_decisions
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault, open_vault
from server.enrollment import service as enrollment
from server.enrollment.gallery import log_change, seal_template
from server.enrollment.tables import ChangeKind, Enrolment, EnrolmentStatus, Template
from server.kiosks import claiming
from server.kiosks.lost_spans import Closing
from server.kiosks.runs import Run
from server.kiosks.service import create_kiosk
from server.kiosks.tables import ErasureReceipt, Kiosk, KioskProgress, KioskState
from server.migrations.runner import upgrade
from server.people.schemas import ConsentCreate, PersonCreate
from server.people.service import add_consent, create_person
from server.people.tables import Consent, ConsentRole
from server.policies.service import current_policy, set_policy
from server.timetable import lessons as planning
from server.timetable import roster
from server.timetable import service as timetable
from server.timetable.lessons import LessonPlan
from tests.simulation.ambient import simulated
from tests.simulation.world import START, World

MODEL = "dlib-resnet-v1"
LESSON = timedelta(minutes=45)
FIRST_LESSON = timedelta(hours=1)  # after START, which is 07:00
BETWEEN_STARTS = timedelta(minutes=70)
PER_DAY = 3
STUDENTS = 5
_CONSENT = ConsentCreate(given_by="A Parent", role=ConsentRole.PARENT, text_version="1")


@dataclass(frozen=True)
class PlannedLesson:
    """A lesson as the simulation knows it."""

    id: str
    door: int
    starts_at: datetime
    students: tuple[str, ...]


#: People come in this time around the start; check-in is open in all of it.
_COMES_FROM, _COMES_UNTIL = timedelta(minutes=-12), timedelta(minutes=35)


@dataclass
class School:
    """What the simulation knows of the school. Ids are text, as on the wire."""

    lessons: list[PlannedLesson] = field(default_factory=list)
    students: list[tuple[str, ...]] = field(default_factory=list)
    kiosk_ids: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    withdrawn: set[str] = field(default_factory=set)

    def lesson_at(self, door: int, person_id: str, at: datetime) -> str | None:
        """Return the lesson that a person who stands at a door now has come for."""
        for one in self.lessons:
            is_now = _COMES_FROM <= at - one.starts_at <= _COMES_UNTIL
            if one.door == door and person_id in one.students and is_now:
                return one.id
        return None


@cache
def migrated_database() -> Path:
    """Return an empty database of the present schema, made at the time at which runs begin."""
    folder = Path(tempfile.mkdtemp(prefix="rollcall-simulation-"))
    world = World(0, folder)
    world.now = START - timedelta(days=30)
    with simulated(world, lambda _request: None):  # type: ignore[arg-type,return-value]
        database = Database(f"sqlite:///{folder / 'empty.sqlite3'}")
        upgrade(database)
        with database.transaction() as db:
            ensure_admin(db)  # hashing its password at each start would take longer than a day
        database.close()
    return folder / "empty.sqlite3"


def found(settings: Settings, days: int, doors: int, chance: random.Random) -> School:
    """Make the school's database with everything that is planned for these days."""
    path = Path(settings.sqlalchemy_url.removeprefix("sqlite:///"))
    shutil.copy(migrated_database(), path)
    database, vault = Database(settings.sqlalchemy_url), open_vault(settings)
    school = School()
    with database.transaction() as db:
        for door in range(doors):
            _add_room(db, vault, school, door, chance)
            _plan_lessons(db, settings, school, door, days)
    database.close()
    return school


def _add_room(db: Session, vault: Vault, school: School, door: int, chance: random.Random) -> None:
    room = timetable.create_room(db, f"R{door}", actor="system")
    course = timetable.create_course(db, code=f"C{door}", title=f"Course {door}", actor="system")
    people = [_student(db, vault, door * STUDENTS + number, chance) for number in range(STUDENTS)]
    for person_id in people:
        roster.add_to_roster(db, course.id, person_id=person_id, actor="system")
    kiosk = create_kiosk(db, name=f"Kiosk {door}", room_id=room.id, actor="system")
    code, _until = claiming.issue_code(db, kiosk, actor="system", at=now())
    school.students.append(tuple(map(str, people)))
    school.kiosk_ids.append(str(kiosk.id))
    school.codes.append(code)


def _plan_lessons(db: Session, settings: Settings, school: School, door: int, days: int) -> None:
    course = timetable.courses(db)[door]
    room = timetable.rooms(db)[door]
    for day in range(days + 1):  # the last one, after everything is repaired, must settle
        for number in range(PER_DAY if day < days else 1):
            starts_at = START + timedelta(days=day) + FIRST_LESSON + number * BETWEEN_STARTS
            plan = LessonPlan(course.id, room.id, starts_at, starts_at + LESSON)
            lesson = planning.create_lesson(db, plan, zone=settings.zone, at=now(), actor="system")
            students = school.students[door]
            school.lessons.append(PlannedLesson(str(lesson.id), door, starts_at, students))


def _student(db: Session, vault: Vault, number: int, chance: random.Random) -> uuid.UUID:
    new = PersonCreate(student_number=f"S{number}", given_name=f"G{number}", family_name="Family")
    person = create_person(db, new, actor="system")
    add_consent(db, person.id, _CONSENT, actor="system", at=now(), today=now().date())
    enrolment = Enrolment(
        person_id=person.id,
        status=EnrolmentStatus.ACCEPTED,
        correlation_id="simulation",
        created_by="system",
    )
    db.add(enrolment)
    db.flush()
    template_id = uuid.UUID(int=chance.getrandbits(128), version=4)
    values = tuple(chance.uniform(-1, 1) for _ in range(128))
    sealed = seal_template(vault, template_id, values)
    template = Template(
        id=template_id,
        person_id=person.id,
        enrolment_id=enrolment.id,
        model_id=MODEL,
        dimension=len(values),
        key_id=sealed.key_id,
        data=sealed.data,
        checked_at=now(),
    )
    db.add(template)
    log_change(db, template, ChangeKind.UPSERT, now())
    return person.id


OfficeAction = Callable[[Session], None]


def withdraw(person_id: str) -> OfficeAction:
    """Withdraw a student's consent: photos, templates and kiosks' copies must go."""

    def act(db: Session) -> None:
        key = uuid.UUID(person_id)
        query = select(Consent).where(Consent.person_id == key)
        for consent in db.exec(query).all():
            if consent.withdrawn_at is None:
                enrollment.withdraw_consent(
                    db, key, consent.id, actor="office", at=now(), today=now().date()
                )

    return act


def change_policy(late_after_min: int) -> OfficeAction:
    """Put another policy in force."""

    def act(db: Session) -> None:
        policy = current_policy(db)
        attendance = policy.attendance.model_copy(update={"late_after_min": late_after_min})
        set_policy(db, policy.model_copy(update={"attendance": attendance}), actor="office")

    return act


def revoke(kiosk_id: str) -> OfficeAction:
    """Revoke a kiosk that is claimed."""

    def act(db: Session) -> None:
        kiosk = db.get_one(Kiosk, uuid.UUID(kiosk_id))
        if kiosk.state == KioskState.CLAIMED:
            claiming.revoke(db, kiosk, actor="office", at=now())

    return act


def issue_code(kiosk_id: str, hand_over: Callable[[str], None]) -> OfficeAction:
    """Make a claim code for a kiosk and hand it over to the technician."""

    def act(db: Session) -> None:
        kiosk = db.get_one(Kiosk, uuid.UUID(kiosk_id))
        hand_over(claiming.issue_code(db, kiosk, actor="office", at=now())[0])

    return act


def close_gaps(db: Session) -> None:
    """Decide, as an admin, about numbers that will never arrive, on every kiosk's page."""
    for kiosk in db.exec(select(Kiosk)).all():
        missing = lost_decisions.missing_events(db, kiosk.id)
        if missing is not None:
            decision = Closing("The kiosk was damaged.", "office")
            span = Run(missing.first, missing.last)
            lost_decisions.close_missing(db, kiosk.id, span, decision, now())


def forged_status(db: Session, kiosk_id: str, at: datetime) -> Status:
    """Return what a thief sends who knows everything but the kiosk's private key."""
    progress = db.get_one(KioskProgress, uuid.UUID(kiosk_id))
    watermark = Watermark(
        kiosk_id=kiosk_id,
        through=at,
        seq=progress.highest_seq,
        head=progress.highest_hash,
        boot_id="forged",
        made_at=at,
        uptime_s=1.0,
        clock_source="ntp",
        signature=base64.b64encode(bytes(64)).decode(),
    )
    return Status(online=True, at=at, watermark=watermark, last_seq=progress.highest_seq)


def receipts(db: Session) -> set[tuple[str, str]]:
    """Return (kiosk id, person id) of every erasure that a kiosk confirmed."""
    query = select(ErasureReceipt.kiosk_id, ErasureReceipt.person_id)
    return {(str(kiosk_id), str(person_id)) for kiosk_id, person_id in db.exec(query)}
