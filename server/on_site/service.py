"""Put the on-site list together: who is where, by lesson, and which kiosks are silent."""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.absences.reads import spans_between
from server.absences.rules import LessonTimes, reported_in
from server.attendance.register import ATTENDED, AttendanceStatus
from server.kiosks.presence import is_online
from server.kiosks.service import KioskNote, kiosk_notes
from server.kiosks.tables import KioskState
from server.on_site import reads
from server.on_site.rules import Seen, SiteLesson, SitePlace, Whereabouts, whereabouts
from server.timetable.day import LessonRow, lesson_rows
from server.timetable.local_time import day_bounds, local_date
from server.timetable.roster import ListedPerson, is_listed

_ORDER = {place: number for number, place in enumerate(SitePlace)}


@dataclass(frozen=True)
class SiteLine:
    """One person of the list.

    Attributes:
        seen: when and where last; None where nobody saw them today.
    """

    person: ListedPerson
    place: SitePlace
    seen: Seen | None


@dataclass(frozen=True)
class SiteGroup:
    """The people of one lesson; without a lesson those who have none today."""

    lesson: LessonRow | None
    lines: tuple[SiteLine, ...]


@dataclass(frozen=True)
class SiteList:
    """The list as of a moment.

    Attributes:
        reported: how many are not on it, as their absence was reported.
        silent: kiosks that may know more.
    """

    at: datetime
    groups: tuple[SiteGroup, ...]
    counts: dict[SitePlace, int]
    reported: int
    silent: tuple[KioskNote, ...]


def site_list(db: Session, *, zone: ZoneInfo, at: datetime) -> SiteList:
    """Return who is on site now."""
    first, last = day_bounds(local_date(at, zone), zone)
    lessons = {
        one.id: one
        for one in lesson_rows(db, after=first, before=last)
        if not one.is_cancelled and one.starts_at >= first
    }
    kiosks = kiosk_notes(db)
    entered = reads.entered_for(db, lessons) if lessons else []
    seen = _seen(db, lessons, entered, {one.id: one.room for one in kiosks}, (first, last))
    excused = _reported(db, lessons.values())
    newest = {(one.lesson_id, one.person_id): one.status for one in entered}
    excused |= {key for key, status in newest.items() if status == AttendanceStatus.EXCUSED}
    found = whereabouts(_due(db, lessons.values()), seen, excused, at=at)
    people = {one.id: one for one in reads.people_of(db, found.places.keys())}
    return SiteList(
        at=at,
        groups=_groups(found, lessons, people, seen),
        counts=Counter(found.places.values()),
        reported=found.reported,
        silent=tuple(
            one for one in kiosks if one.state == KioskState.CLAIMED and not is_online(one, at)
        ),
    )


def _due(db: Session, lessons: Iterable[LessonRow]) -> list[SiteLesson]:
    """Return who is due in each lesson."""
    wanted = list(lessons)
    rosters = reads.listings(db, {one.course_id for one in wanted})
    due = []
    for one in wanted:
        day = one.day
        ids = {
            entry.person_id
            for entry in rosters.get(one.course_id, ())
            if is_listed(entry, ends_at=one.ends_at, day=day)
        }
        due.append(SiteLesson(one.id, one.starts_at, ids))
    return due


def _seen(
    db: Session,
    lessons: dict[uuid.UUID, LessonRow],
    entered: list[reads.Entered],
    rooms: dict[uuid.UUID, str],
    day: tuple[datetime, datetime],
) -> dict[uuid.UUID, Seen]:
    """Return the last sighting of each person: by a kiosk, or entered for a lesson.

    What was entered before the lesson began was seen when it was entered, not later.
    """
    found = {
        one.person_id: Seen(one.at, rooms.get(one.kiosk_id, ""), one.direction)
        for one in reads.last_sightings(db, *day)
    }
    newest = {(one.lesson_id, one.person_id): one for one in entered}
    for one in newest.values():
        lesson = lessons[one.lesson_id]
        seen = Seen(min(lesson.starts_at, one.made_at), lesson.room)
        known = found.get(one.person_id)
        if one.status in ATTENDED and (known is None or known.at < seen.at):
            found[one.person_id] = seen
    return found


def _reported(db: Session, lessons: Iterable[LessonRow]) -> set[tuple[uuid.UUID, uuid.UUID]]:
    wanted = list(lessons)
    if not wanted:
        return set()
    spans = spans_between(db, min(one.day for one in wanted), max(one.day for one in wanted))
    return {
        (lesson.id, one.person_id)
        for lesson in (wanted if spans else ())
        for one in reported_in(spans, _times(lesson))
    }


def _times(lesson: LessonRow) -> LessonTimes:
    local = lesson.starts_at.astimezone(ZoneInfo(lesson.time_zone))
    return LessonTimes(local.date(), local.time(), lesson.ends_at)


def _groups(
    found: Whereabouts,
    lessons: dict[uuid.UUID, LessonRow],
    people: dict[uuid.UUID, ListedPerson],
    seen: dict[uuid.UUID, Seen],
) -> tuple[SiteGroup, ...]:
    """Return the groups by course, those without a lesson last; who is on site comes first."""
    lines: dict[uuid.UUID | None, list[SiteLine]] = {}
    for person_id, place in found.places.items():
        line = SiteLine(people[person_id], place, seen.get(person_id))
        lines.setdefault(found.lessons.get(person_id), []).append(line)
    for some in lines.values():
        some.sort(key=lambda one: (_ORDER[one.place], one.person.sort_key, one.person.id))
    ordered = sorted(
        (key for key in lines if key is not None),
        key=lambda key: (lessons[key].code, lessons[key].starts_at, key),
    )
    groups = [SiteGroup(lessons[key], tuple(lines[key])) for key in ordered]
    if None in lines:
        groups.append(SiteGroup(None, tuple(lines[None])))
    return tuple(groups)
