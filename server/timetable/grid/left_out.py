"""Say which weekly lessons of a week planning left out, because others have their rooms."""

import uuid
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlmodel import Session, col

from server.timetable.grid.subjects import Subject, SubjectKind
from server.timetable.patterns.changes import LessonChanges
from server.timetable.patterns.generation import closed_days, weekly_of
from server.timetable.patterns.rooms import leave_out_taken
from server.timetable.patterns.weekly import PlannedLesson, moments
from server.timetable.tables import Course, Lesson, LessonPattern, PatternLesson, Room, Term
from server.web.dates import day_words, time_words
from server.web.translations import Translator

_LAST = timedelta(days=6)


def left_out_sentences(
    db: Session, subject: Subject, first: date, *, zone: ZoneInfo, at: datetime, t: Translator
) -> list[str]:
    """Return one sentence for each weekly lesson to come that has no room in a week.

    Args:
        db: the caller's.
        subject: a room or a course; others have none of their own.
        first: the Monday.
        zone: the school's.
        at: now.
        t: the reader's.
    """
    changes = _not_as_planned(db, subject, first, zone, at)
    return [
        t(
            "timetable.left_out",
            course=db.get_one(Course, plan.course_id).code,
            room=db.get_one(Room, plan.room_id).name,
            day=day_words(plan.day, t),
            starts=time_words(plan.starts_at, t, zone),
            ends=time_words(plan.ends_at, t, zone),
        )
        for plan in sorted(leave_out_taken(db, changes), key=lambda one: one.starts_at)
    ]


def _not_as_planned(
    db: Session, subject: Subject, first: date, zone: ZoneInfo, at: datetime
) -> LessonChanges:
    changes = LessonChanges()
    plans = _plans(db, subject, first, zone)
    now_there = _now_there(db, [one.pattern_id for one in plans], first) if plans else {}
    for plan in plans:
        lesson, is_changed = now_there.get(plan.pattern_id, (None, False))
        if plan.starts_at <= at or is_changed:
            continue
        if lesson is None:
            changes.added.append(plan)
        elif (lesson.room_id, lesson.starts_at) != (plan.room_id, plan.starts_at):
            changes.moved.append((lesson.id, plan))
    return changes


def _plans(db: Session, subject: Subject, first: date, zone: ZoneInfo) -> list[PlannedLesson]:
    columns = {SubjectKind.ROOM: LessonPattern.room_id, SubjectKind.COURSE: LessonPattern.course_id}
    if subject.kind not in columns:
        return []
    last = first + _LAST
    query = (
        sqlalchemy.select(LessonPattern, Term)
        .join(Term, col(Term.id) == col(LessonPattern.term_id))
        .where(col(columns[subject.kind]) == subject.id)
        .where(col(Term.first_day) <= last, col(Term.last_day) >= first)
    )
    closed = closed_days(db, first, last)
    return [
        PlannedLesson(
            pattern.id,
            first,
            day,
            pattern.course_id,
            pattern.room_id,
            *moments(day, pattern.starts, pattern.ends, zone),
        )
        for pattern, term in db.execute(query)
        for day in weekly_of(pattern, term).days(since=first, until=last, closed=closed)
    ]


def _now_there(
    db: Session, patterns: list[uuid.UUID], first: date
) -> dict[uuid.UUID, tuple[Lesson | None, bool]]:
    query = (
        sqlalchemy.select(col(PatternLesson.pattern_id), Lesson, col(PatternLesson.is_changed))
        .join(Lesson, col(Lesson.id) == col(PatternLesson.lesson_id))
        .where(col(PatternLesson.pattern_id).in_(patterns), col(PatternLesson.week) == first)
    )
    return {pattern: (lesson, is_changed) for pattern, lesson, is_changed in db.execute(query)}
