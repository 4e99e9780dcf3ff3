"""Fills an empty server's database with an invented school: for pictures and measurements.

Nobody in it exists. Templates are random numbers, not faces; nothing here can recognise anybody.
"""

import base64
import itertools
import random
import uuid
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session

from kiosk.app.parts import parts_of
from kiosk.domain.health import (
    CameraHealth,
    CameraMounting,
    Health,
    LinkHealth,
    RecognitionHealth,
    RecognitionState,
)
from protocol.v1 import signing
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import ClockStamp, EventBatch, Status, UnsignedEvent, Watermark
from protocol.v1.statements import sign_watermark
from server.attendance.ingest import take_in
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.db.vault import Vault
from server.enrollment.gallery import log_change, seal_template
from server.enrollment.tables import ChangeKind, Enrolment, EnrolmentStatus, Template
from server.kiosks.service import create_kiosk
from server.kiosks.tables import Kiosk, KioskPlacement, KioskProgress, KioskState
from server.people.schemas import ConsentCreate, PersonCreate
from server.people.service import add_consent, create_person
from server.people.tables import ConsentDecision, ConsentRole
from server.timetable import service as timetable
from server.timetable.lessons import LessonPlan, create_lesson
from server.timetable.roster import add_to_roster

_GIVEN = """
Alma Benno Chiara Dario Elif Farid Greta Hana Idris Jonas Kamila Leander Mina Noor Oskar Paula
Quirin Rosa Samir Tilda Umut Vera Wanja Xenia Yara Zeno
""".split()  # noqa: SIM905 - reads better
_FAMILY = """
Abel Brandt Castell Dahl Ekström Fontana Gruber Haddad Ilves Janssen Kaya Lindqvist Moreau Nowak
Okafor Peralta Quist Rahimi Sandoval Tanaka Ueda Vogel Winther Xylander Yildiz Zapata
""".split()  # noqa: SIM905
_SUBJECTS = """
Mathematics History Biology Chemistry Physics Geography English Spanish Art Music
""".split()  # noqa: SIM905
_REASONS = ("NO_FACE_FOUND", "TOO_DARK")


@dataclass(frozen=True)
class Size:
    """How large the school is."""

    people: int
    lessons: int
    kiosks: int
    class_size: int = 24
    present: float = 0.7


@dataclass
class Kiosks:
    """Claimed kiosks that can sign events."""

    ids: list[uuid.UUID] = field(default_factory=list)
    keys: list[Ed25519PrivateKey] = field(default_factory=list)


@dataclass(frozen=True)
class School:
    """What was made."""

    people: list[uuid.UUID]
    courses: list[uuid.UUID]
    rooms: list[uuid.UUID]
    lessons: list[uuid.UUID]
    kiosks: list[uuid.UUID]
    keys: list[Ed25519PrivateKey] = field(default_factory=list)


def fill(database: Database, vault: Vault, size: Size, at: datetime) -> School:
    """Make people with consents and templates, a day's lessons, kiosks, and who was seen.

    Args:
        database: migrated, without people.
        vault: seals the templates.
        size: how much of everything.
        at: the middle of the day; about half of the lessons are over by then.
    """
    chance = random.Random(7)  # noqa: S311 - the same school each time
    with database.transaction() as db:
        people = [_person(db, number) for number in range(size.people)]
        for number, person_id in enumerate(people):
            _consent_and_template(db, vault, person_id, number, at)
        rooms = [
            timetable.create_room(db, f"R{n + 10}", actor="system").id for n in range(size.kiosks)
        ]
        kiosks = _kiosks(db, rooms, at)
        courses, rosters = _courses(db, people, size, chance)
        lessons = _lessons(db, courses, rooms, size, at)
    for index, lesson_id in enumerate(lessons):
        roster = rosters[index % len(courses)]
        seen = [one for one in roster if chance.random() < size.present]
        _attend(database, kiosks, index, lesson_id, seen, at)
    return School(people, courses, rooms, lessons, kiosks.ids, kiosks.keys)


def _person(db: Session, number: int) -> uuid.UUID:
    given = _GIVEN[number % len(_GIVEN)]
    family = _FAMILY[(number * 7 + number // len(_GIVEN)) % len(_FAMILY)]
    new = PersonCreate(
        student_number=f"S-{2001 + number}",
        given_name=given,
        family_name=family,
        year_of_birth=None if number % 12 == 3 else 2009 + number % 5,
    )
    return create_person(db, new, actor="system").id


def _consent_and_template(
    db: Session, vault: Vault, person_id: uuid.UUID, number: int, at: datetime
) -> None:
    """Most have both; some only a consent, some refused, some were never asked."""
    if number % 11 == 7:
        return
    decision = ConsentDecision.REFUSED if number % 17 == 5 else ConsentDecision.GIVEN
    consent = ConsentCreate(
        given_by="A parent", role=ConsentRole.PARENT, text_version="2026-09", decision=decision
    )
    given_at = at - timedelta(days=30)
    add_consent(db, person_id, consent, actor="system", at=given_at, today=given_at.date())
    if decision is ConsentDecision.REFUSED or number % 13 == 4:
        return
    is_accepted = number % 19 != 6
    enrolment = Enrolment(
        person_id=person_id,
        status=EnrolmentStatus.ACCEPTED if is_accepted else EnrolmentStatus.REJECTED,
        reason=None if is_accepted else _REASONS[number % len(_REASONS)],
        correlation_id="invented",
        created_by="system",
        created_at=at - timedelta(days=29),
        finished_at=at - timedelta(days=29),
    )
    db.add(enrolment)
    db.flush()
    if is_accepted:
        _template(db, vault, enrolment, at)


def _template(db: Session, vault: Vault, enrolment: Enrolment, at: datetime) -> None:
    values = tuple(random.Random(enrolment.id.int).gauss(0, 0.1) for _ in range(128))  # noqa: S311
    template_id = uuid.uuid4()
    sealed = seal_template(vault, template_id, values)
    template = Template(
        id=template_id,
        person_id=enrolment.person_id,
        enrolment_id=enrolment.id,
        model_id="dlib-resnet-v1",
        dimension=len(values),
        key_id=sealed.key_id,
        data=sealed.data,
        created_at=at - timedelta(days=29),
        checked_at=at - timedelta(days=29),
    )
    db.add(template)
    db.flush()
    log_change(db, template, ChangeKind.UPSERT, at)


def _kiosks(db: Session, rooms: list[uuid.UUID], at: datetime) -> Kiosks:
    """One for each room: most are well, one is silent, the camera of one hangs upside down."""
    made = Kiosks()
    for number, room_id in enumerate(rooms):
        kiosk = create_kiosk(db, name=f"Door of R{number + 10}", room_id=room_id, actor="system")
        row = db.get_one(Kiosk, kiosk.id)
        key = signing.make_key()
        made.ids.append(row.id)
        made.keys.append(key)
        row.signing_key = signing.public_text(key)
        row.claimed_at = row.key_since = at - timedelta(days=20)
        row.state = KioskState.CLAIMED
        row.is_online = number != 1
        row.last_seen_at = at - (timedelta(hours=3) if number == 1 else timedelta(seconds=5))
        row.status = _status(at, number).model_dump(mode="json")
        db.add(row)
        placed = KioskPlacement(
            kiosk_id=row.id, room_id=room_id, from_at=row.claimed_at, opened_by="system"
        )
        db.add(placed)
    return made


def _status(at: datetime, number: int) -> Status:
    """The clock of the first is 20 minutes behind, and the camera of the third is upside down."""
    mounting = CameraMounting(180, 180) if number == 2 else CameraMounting()
    health = Health(
        broker=LinkHealth.UP,
        camera=CameraHealth.OK,
        mounting=mounting,
        recognition=RecognitionState(RecognitionHealth.OK),
    )
    return Status(
        online=True,
        at=at,
        software_version="0.1.0",
        clock_source="server",
        clock_offset_ms=20 * 60_000 if number == 0 else 12,
        parts=parts_of(health),
    )


def _courses(
    db: Session, people: list[uuid.UUID], size: Size, chance: random.Random
) -> tuple[list[uuid.UUID], list[list[uuid.UUID]]]:
    courses, rosters = [], []
    for number, subject in itertools.product(range(1, 3), _SUBJECTS):
        course = timetable.create_course(
            db, code=f"{subject[:3].upper()}-{number}", title=f"{subject} {number}", actor="system"
        )
        roster = chance.sample(people, min(size.class_size, len(people)))
        for person_id in roster:
            entry = add_to_roster(db, course.id, person_id=person_id, actor="system")
            entry.counts_after = None  # they were there before the day began
        courses.append(course.id)
        rosters.append(roster)
    return courses, rosters


def _lessons(
    db: Session,
    courses: list[uuid.UUID],
    rooms: list[uuid.UUID],
    size: Size,
    at: datetime,
) -> list[uuid.UUID]:
    """Lessons of 45 minutes in every room, around the moment given; one is on in each room."""
    made = []
    turns = -(-size.lessons // len(rooms))
    for number in range(size.lessons):
        turn = number // len(rooms) - turns // 2
        starts_at = at - timedelta(minutes=20) + turn * timedelta(minutes=55)
        plan = LessonPlan(
            course_id=courses[number % len(courses)],
            room_id=rooms[number % len(rooms)],
            starts_at=starts_at,
            ends_at=starts_at + timedelta(minutes=45),
            allow_double=True,
        )
        added = create_lesson(db, plan, zone=ZoneInfo("UTC"), at=at, actor="system")
        made.append(added.id)
    return made


def _attend(
    database: Database,
    kiosks: Kiosks,
    index: int,
    lesson_id: uuid.UUID,
    seen: list[uuid.UUID],
    at: datetime,
) -> None:
    """Let the room's kiosk have seen these people, one after another from the start on."""
    with database.reading() as db:
        starts_at = timetable.lesson_view(db, lesson_id).lesson.starts_at
    if starts_at > at or not seen:
        return
    place = index % len(kiosks.ids)
    kiosk_id, key = str(kiosks.ids[place]), kiosks.keys[place]
    with database.transaction() as db:
        head, seq = _chain(db, kiosks.ids[place])
        raws = []
        for number, person_id in enumerate(seen):
            draft = UnsignedEvent(
                id=str(uuid7()),
                kiosk_id=kiosk_id,
                seq=seq + number + 1,
                occurred_at=min(at, starts_at + timedelta(seconds=37 * number - 120)),
                clock=ClockStamp(source="ntp", offset_ms=1.2, age_s=20),
                lesson_id=str(lesson_id),
                person_id=str(person_id),
                kind="seen",
                method="face",
                distance=0.31,
                margin=0.2,
                threshold=0.42,
                quality=0.9,
                model_id="dlib-resnet-v1",
            )
            event = signing.sign_event(draft, prev_hash=head, key=key)
            head = event.hash
            raws.append(signing.to_raw(event))
        unsigned = Watermark(
            kiosk_id=kiosk_id,
            through=at,
            seq=seq + len(seen),
            head=head,
            boot_id="invented",
            made_at=at,
            uptime_s=3600,
            clock_source="ntp",
            signature=base64.b64encode(bytes(64)).decode(),
        )
        batch = EventBatch(
            kiosk_id=kiosk_id,
            events=tuple(raws),
            watermark=sign_watermark(unsigned, key),
            last_seq=seq + len(seen),
        )
        take_in(db, [Delivery(kiosk_id, batch.to_json())], at)


def _chain(db: Session, kiosk_id: uuid.UUID) -> tuple[str, int]:
    progress = db.get_one(KioskProgress, kiosk_id)
    return progress.highest_hash, progress.highest_seq
