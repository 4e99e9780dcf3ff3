"""Rooms, courses, rosters, groups, teachers, lessons, terms, holidays, patterns, version."""

import uuid
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field

#: No lesson was ever planned that lasts longer, so those that end after a moment start at most
#: this long before it.
LONGEST_LESSON = timedelta(hours=12)


class Room(SQLModel, table=True):
    """A place with a door that a kiosk may hang beside."""

    __tablename__ = "rooms"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=80, unique=True)
    created_at: datetime = utc_field(default_now=True)


class Course(SQLModel, table=True):
    """Something a group of people attends."""

    __tablename__ = "courses"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    code: str = Field(max_length=40, unique=True)
    title: str = Field(max_length=120)
    created_at: datetime = utc_field(default_now=True)


class RosterEntry(SQLModel, table=True):
    """A person's place in a course, from one date to another (both included, school time).

    A lesson that ended by `counts_after` does not list the person, whatever the dates say: who
    joins today was not absent this morning. None where the dates alone decide.
    """

    __tablename__ = "roster_entries"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    course_id: uuid.UUID = Field(foreign_key="courses.id", index=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True)
    from_date: date | None = Field(default=None)
    until_date: date | None = Field(default=None)
    counts_after: datetime | None = utc_field(nullable=True)
    created_at: datetime = utc_field(default_now=True)


class StudentGroup(SQLModel, table=True):
    """A class, such as 7B, or another group of students that courses take their students from."""

    __tablename__ = "student_groups"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=80, unique=True)
    created_at: datetime = utc_field(default_now=True)


class GroupMember(SQLModel, table=True):
    """A person in a group, from one date to another (both included, school time)."""

    __tablename__ = "group_members"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    group_id: uuid.UUID = Field(foreign_key="student_groups.id", index=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True)
    from_date: date
    until_date: date | None = Field(default=None)


class CourseGroup(SQLModel, table=True):
    """A course takes the members of a group, from one date to another (both included)."""

    __tablename__ = "course_groups"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    course_id: uuid.UUID = Field(foreign_key="courses.id", index=True)
    group_id: uuid.UUID = Field(foreign_key="student_groups.id", index=True)
    from_date: date
    until_date: date | None = Field(default=None)


class GroupEntry(SQLModel, table=True):
    """A roster entry that follows the groups of its course. Others are kept one by one."""

    __tablename__ = "group_entries"

    entry_id: uuid.UUID = Field(
        foreign_key="roster_entries.id", ondelete="CASCADE", primary_key=True
    )


class GroupException(SQLModel, table=True):
    """The roster of a course lists a person by single entries only, whatever groups say."""

    __tablename__ = "group_exceptions"

    course_id: uuid.UUID = Field(foreign_key="courses.id", primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", primary_key=True, index=True)


def day_at_school(starts_at: datetime, time_zone: str) -> date:
    """Return the date of a lesson, in the zone that it was planned in."""
    return starts_at.astimezone(ZoneInfo(time_zone)).date()


class Lesson(SQLModel, table=True):
    """One meeting of a course in a room. The same course twice a day is two of them.

    `time_zone` is the school's at the time it was planned: it decides the lesson's date for ever.
    """

    __tablename__ = "lessons"
    __table_args__ = (Index("ix_lessons_room_id_starts_at", "room_id", "starts_at"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    course_id: uuid.UUID = Field(foreign_key="courses.id", index=True)
    room_id: uuid.UUID = Field(foreign_key="rooms.id")
    starts_at: datetime = utc_field(index=True)
    ends_at: datetime = utc_field()
    time_zone: str = Field(max_length=64)
    created_at: datetime = utc_field(default_now=True)

    @property
    def day(self) -> date:
        """The date the lesson has at the school."""
        return day_at_school(self.starts_at, self.time_zone)


class LessonCancellation(SQLModel, table=True):
    """A lesson that did not count, and that it counts again. Never deleted."""

    __tablename__ = "lesson_cancellations"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", index=True)
    reason: str = Field(max_length=500)
    cancelled_by: str = Field(max_length=80)
    cancelled_at: datetime = utc_field(default_now=True)
    restored_by: str | None = Field(default=None, max_length=80)
    restored_at: datetime | None = utc_field(nullable=True)
    restore_reason: str | None = Field(default=None, max_length=500)


class CourseTeacher(SQLModel, table=True):
    """An account that teaches a course, from one date to another (both included, school time)."""

    __tablename__ = "course_teachers"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    course_id: uuid.UUID = Field(foreign_key="courses.id", index=True)
    account_id: uuid.UUID = Field(foreign_key="accounts.id", index=True)
    from_date: date | None = Field(default=None)
    until_date: date | None = Field(default=None)
    created_at: datetime = utc_field(default_now=True)


class Term(SQLModel, table=True):
    """A span of dates in which lessons take place (both included, school time)."""

    __tablename__ = "terms"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=80, unique=True)
    first_day: date
    last_day: date


class Holiday(SQLModel, table=True):
    """Dates on which the whole school is closed (both included, school time)."""

    __tablename__ = "holidays"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=80)
    first_day: date = Field(index=True)
    last_day: date


class Weeks(StrEnum):
    """In which weeks a weekly pattern has lessons. Week A holds the first day of the term."""

    EVERY = "every"
    A = "a"
    B = "b"


class LessonPattern(SQLModel, table=True):
    """A lesson that a course has in a room every week of a term, or every second one.

    Times are the school's. Dates are within the term; None is the term's own.
    """

    __tablename__ = "lesson_patterns"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    term_id: uuid.UUID = Field(foreign_key="terms.id", index=True)
    course_id: uuid.UUID = Field(foreign_key="courses.id", index=True)
    room_id: uuid.UUID = Field(foreign_key="rooms.id", index=True)
    weekday: int
    starts: time
    ends: time
    weeks: str = Field(default=Weeks.EVERY, max_length=8)
    first_day: date | None = Field(default=None)
    last_day: date | None = Field(default=None)
    created_at: datetime = utc_field(default_now=True)


class PatternLesson(SQLModel, table=True):
    """Which lesson a pattern has in which week; it stays that one when the pattern changes.

    Attributes:
        week: the Monday.
        is_changed: a person changed this one lesson, so that the pattern does not move it.
    """

    __tablename__ = "pattern_lessons"
    __table_args__ = (UniqueConstraint("pattern_id", "week"),)

    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", primary_key=True)
    pattern_id: uuid.UUID = Field(foreign_key="lesson_patterns.id")
    week: date = Field(index=True)
    is_changed: bool = Field(default=False)


class ImportedLesson(SQLModel, table=True):
    """A lesson that an import of past attendance added, when it had been over for long.

    Nothing was judged by its roster at its time, so it lists who is put on the roster of its day.
    """

    __tablename__ = "imported_lessons"

    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", ondelete="CASCADE", primary_key=True)


class LessonSubstitute(SQLModel, table=True):
    """The account that teaches one lesson in place of the course's teachers."""

    __tablename__ = "lesson_substitutes"

    lesson_id: uuid.UUID = Field(foreign_key="lessons.id", primary_key=True)
    account_id: uuid.UUID = Field(foreign_key="accounts.id", index=True)
    created_at: datetime = utc_field(default_now=True)


class TimetableVersion(SQLModel, table=True):
    """One row: a number that grows with every change to the timetable, for who caches it."""

    __tablename__ = "timetable_versions"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    version: int = Field(default=0)
