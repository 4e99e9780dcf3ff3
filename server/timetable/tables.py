"""Rooms, courses, dated rosters, lessons, and a counter that says when any of them changed."""

import uuid
from datetime import date, datetime

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


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
    """A person's place in a course, from one date to another (both included, school time)."""

    __tablename__ = "roster_entries"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    course_id: uuid.UUID = Field(foreign_key="courses.id", index=True, ondelete="CASCADE")
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True, ondelete="CASCADE")
    from_date: date | None = Field(default=None)
    until_date: date | None = Field(default=None)
    created_at: datetime = utc_field(default_now=True)


class Lesson(SQLModel, table=True):
    """One meeting of a course in a room. The same course twice a day is two of them."""

    __tablename__ = "lessons"
    __table_args__ = (Index("ix_lessons_room_id_starts_at", "room_id", "starts_at"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    course_id: uuid.UUID = Field(foreign_key="courses.id", index=True, ondelete="CASCADE")
    room_id: uuid.UUID = Field(foreign_key="rooms.id", ondelete="CASCADE")
    starts_at: datetime = utc_field(index=True)
    ends_at: datetime = utc_field()
    created_at: datetime = utc_field(default_now=True)


class TimetableVersion(SQLModel, table=True):
    """One row: a number that grows with every change to the timetable, for who caches it."""

    __tablename__ = "timetable_versions"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    version: int = Field(default=0)
