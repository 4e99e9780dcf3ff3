"""The configuration document of one kiosk: policy, its room's next 7 days, names to greet by."""

import hashlib
import logging
import uuid
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from itertools import islice
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, select

from protocol.v1.messages import (
    ConfigDocument,
    ElsewhereEntry,
    GalleryScope,
    LessonEntry,
    LimitGroup,
    LivenessLevel,
    MeasuredLimit,
    NetworkChoice,
    PersonName,
    RoomRef,
    SchoolRef,
)
from protocol.v1.sync import MAX_PEOPLE, MAX_ROSTER
from server.certificates.links import Links
from server.enrollment.gallery import is_in_use
from server.enrollment.resemblance import pairs_among
from server.enrollment.tables import Template
from server.kiosks.gallery import HORIZON
from server.kiosks.tables import Kiosk
from server.limits import service as limits
from server.networks.service import networks_of
from server.people.limit_group import limit_group
from server.people.tables import Person
from server.policies.schemas import SchoolPolicy
from server.policies.service import current_policy
from server.policies.timeline import PolicyTimeline, chosen_versions
from server.timetable import service as timetable
from server.timetable.appointments import DueLesson, appointments_elsewhere
from server.timetable.holidays import service as holidays
from server.timetable.local_time import local_date
from server.timetable.roster import rosters
from server.timetable.service import LessonView

_logger = logging.getLogger(__name__)
ELSEWHERE_HORIZON = timedelta(hours=24)
RECENT = timedelta(hours=12)
VERSION_LENGTH = 32
MAX_LIMITS = 8
#: A kiosk that is offline knows holidays for longer than lessons; the document takes 400 at most.
HOLIDAYS_AHEAD_DAYS = 60


@dataclass(frozen=True)
class SchoolInfo:
    """What the settings say about the school."""

    name: str
    zone: ZoneInfo
    ca_pem: str | None = None
    broker_ca_pem: str | None = None


def school_info(links: Links) -> SchoolInfo:
    """Return what the settings say now; the authorities change while the server runs."""
    settings = links.settings
    return SchoolInfo(
        settings.school.name,
        settings.zone,
        links.offered_authorities(),
        links.offered_broker_authorities(),
    )


def build(db: Session, kiosk: Kiosk, school: SchoolInfo, at: datetime) -> ConfigDocument:
    """Put the document together; its version is a hash of everything else in it."""
    room = timetable.room_of(db, kiosk.room_id)
    views = _planned(db, after=at - RECENT, before=at + HORIZON, room_ids=[room.id])
    lists = _rosters(db, kiosk, views)
    timeline = PolicyTimeline.of(db)
    chosen = chosen_versions(db, [view.lesson.id for view in views])
    due = {person_id for roster in lists.values() for person_id in roster}
    policy = timeline.current.at(room.id).policy
    draft = ConfigDocument(
        version="draft",
        kiosk_id=kiosk.wire_id,
        kiosk_name=kiosk.name,
        school=SchoolRef(name=school.name, time_zone=school.zone.key),
        room=RoomRef(id=str(room.id), name=room.name),
        policy=policy.for_kiosks(),
        lessons=tuple(
            _entry(
                view,
                lists[view.lesson.id],
                timeline,
                policy,
                chosen.get(view.lesson.id, timeline.version_at(view.lesson.starts_at)),
            )
            for view in views
        ),
        elsewhere=_elsewhere(db, kiosk, due, at),
        people=_people(db, due, policy, local_date(at, school.zone)),
        network=_network(db, policy),
        look_alikes=_look_alikes(db, None if policy.kiosk.gallery == "school" else due),
        measured_limits=_measured_limits(db),
        holidays=_holidays(db, local_date(at, school.zone)),
        ca_pem=school.ca_pem,
        broker_ca_pem=school.broker_ca_pem,
    )
    return draft.model_copy(update={"version": _version(draft)})


def _network(db: Session, policy: SchoolPolicy) -> NetworkChoice | None:
    """The school's networks; scans are collected only where kiosks check that a person is live."""
    found = networks_of(db)
    if found.current is None:
        return None
    is_checked = policy.kiosk.liveness != LivenessLevel.OFF
    return NetworkChoice(
        current=found.current,
        next=found.next,
        collects_scans=found.collects_scans and is_checked,
    )


def _version(draft: ConfigDocument) -> str:
    # No reader computes it again, so the encoding need not be canonical: it is the same whenever
    # the content is.
    return hashlib.sha256(draft.to_json()).hexdigest()[:VERSION_LENGTH]


def _planned(
    db: Session,
    *,
    after: datetime,
    before: datetime,
    room_ids: Collection[uuid.UUID] | None = None,
) -> list[LessonView]:
    """Return the lessons of a span that are not cancelled."""
    views = timetable.lesson_views(db, after=after, before=before, room_ids=room_ids)
    return [view for view in views if not view.is_cancelled]


def _rosters(
    db: Session, kiosk: Kiosk, views: Iterable[LessonView]
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Who is due when. A roster of before the limit may be longer than a kiosk takes."""
    lists = rosters(db, views)
    if any(len(roster) > MAX_ROSTER for roster in lists.values()):
        _log_cut(kiosk.wire_id, "roster", MAX_ROSTER)
    return {lesson_id: roster[:MAX_ROSTER] for lesson_id, roster in lists.items()}


def _entry(
    view: LessonView,
    roster: Iterable[uuid.UUID],
    timeline: PolicyTimeline,
    policy: SchoolPolicy,
    version: int,
) -> LessonEntry:
    """Describe a lesson, with its windows where they are not those of the kiosk's policy.

    That is where it started under an older policy, people chose a version to judge it again by,
    or its course has its own settings.
    """
    is_older = version != policy.version
    own = timeline.policies(version).at(view.room.id, view.course.id).policy.attendance
    return LessonEntry(
        id=str(view.lesson.id),
        course_code=view.course.code,
        course_title=view.course.title,
        room_id=str(view.room.id),
        starts_at=view.lesson.starts_at,
        ends_at=view.lesson.ends_at,
        policy_version=version if is_older else None,
        attendance=own if is_older or own != policy.attendance else None,
        roster=tuple(str(person_id) for person_id in roster),
    )


def _elsewhere(
    db: Session, kiosk: Kiosk, due: set[uuid.UUID], at: datetime
) -> tuple[ElsewhereEntry, ...]:
    """Who is due in other rooms, the next lessons first: as many as a kiosk takes."""
    found = appointments_elsewhere(db, due, kiosk.room_id, after=at, before=at + ELSEWHERE_HORIZON)
    entries = (entry for appointment in found for entry in _elsewhere_entries(appointment))
    taken = tuple(islice(entries, MAX_PEOPLE))
    if next(entries, None) is not None:
        _log_cut(kiosk.wire_id, "elsewhere", MAX_PEOPLE)
    return taken


@cache
def _log_cut(kiosk: str, part: str, limit: int) -> None:
    """Log a cut once for each kiosk: its configuration is asked for every few seconds."""
    _logger.warning("configuration cut kiosk=%s part=%s limit=%s", kiosk, part, limit)


def _elsewhere_entries(appointment: DueLesson) -> Iterator[ElsewhereEntry]:
    """Describe an appointment for each of its people; what they share is checked once."""
    first = ElsewhereEntry(
        person_id=str(appointment.people[0]),
        room_name=appointment.room_name,
        starts_at=appointment.starts_at,
        ends_at=appointment.ends_at,
    )
    yield first
    for person_id in appointment.people[1:]:
        yield first.model_copy(update={"person_id": str(person_id)})


def _look_alikes(db: Session, gallery: set[uuid.UUID] | None) -> tuple[tuple[str, str], ...]:
    """Who of the kiosk's gallery is easily confused; None is everybody."""
    pairs = pairs_among(db, gallery)[:MAX_PEOPLE]
    return tuple((str(first), str(second)) for first, second in pairs)


def _people(
    db: Session, due: set[uuid.UUID], policy: SchoolPolicy, today: date
) -> tuple[PersonName, ...]:
    """Name who is due, and say whose limits apply to everybody in the gallery.

    Kiosks count people who are not listed as children. So where the gallery is the whole school,
    only teens and adults are listed beyond those who are due, and without a name.
    """
    unknown = policy.ages.without_year
    columns = select(Person.id, Person.given_name, Person.family_name, Person.year_of_birth)
    listed = [
        PersonName(
            id=str(person_id),
            display_name=greeting_name(given_name, family_name),
            limit_group=limit_group(year, today, unknown),
        )
        for person_id, given_name, family_name, year in db.exec(
            columns.where(col(Person.id).in_(due)).order_by(col(Person.id))
        )
    ]
    if policy.kiosk.gallery != "school":
        return tuple(listed)
    for person_id, year in _enrolled(db):
        group = limit_group(year, today, unknown)
        if person_id not in due and group is not LimitGroup.CHILD:
            listed.append(PersonName(id=str(person_id), display_name="", limit_group=group))
    return tuple(listed[:MAX_PEOPLE])


def _enrolled(db: Session) -> Sequence[tuple[uuid.UUID, int | None]]:
    """Everybody with a template that goes to kiosks, and the year of birth."""
    templates = select(Template.person_id).where(is_in_use())
    query = select(Person.id, Person.year_of_birth).where(col(Person.id).in_(templates))
    return db.exec(query.order_by(col(Person.id))).all()


def people_everywhere(db: Session) -> str:
    """Hash of the people that every configuration lists; "" unless galleries hold everybody.

    Look-alikes are not in it: the state of the school counts those.
    """
    if current_policy(db).kiosk.gallery != GalleryScope.SCHOOL:
        return ""
    listed = [(key.hex, year) for key, year in _enrolled(db)]
    return hashlib.sha256(repr(listed).encode()).hexdigest()


def _holidays(db: Session, today: date) -> tuple[str, ...]:
    """Return the dates on which the school is closed while the kiosk may be without a network."""
    days = holidays.closed_dates(db, today, days=HOLIDAYS_AHEAD_DAYS)
    return tuple(day.isoformat() for day in days)


def _measured_limits(db: Session) -> tuple[MeasuredLimit, ...]:
    """What the school's own measurements allow, by network."""
    found = sorted(limits.in_force(db).values(), key=lambda one: one.model_id)[:MAX_LIMITS]
    return tuple(
        MeasuredLimit(
            model_id=one.model_id, distance=one.distance, people=limits.people_behind(one)
        )
        for one in found
    )


def greeting_name(given_name: str, family_name: str) -> str:
    """Return first name and initial: all that a kiosk in a corridor needs to know.

    A person of one name is greeted by that.
    """
    if not given_name or not family_name:
        return given_name or family_name
    return f"{given_name} {family_name[:1]}."
