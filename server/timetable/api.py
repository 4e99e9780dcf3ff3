"""Rooms, courses, rosters and lessons: the JSON API."""

import uuid

from fastapi import APIRouter
from pydantic import AwareDatetime

from server.audit.service import record
from server.db.dependencies import DBDep, ReadDBDep
from server.timetable import service
from server.timetable.schemas import (
    CourseCreate,
    CourseRead,
    LessonCreate,
    LessonRead,
    RoomCreate,
    RoomRead,
    RosterCreate,
    RosterRead,
)
from server.timetable.tables import RosterEntry
from server.web.access import OfficeDep, SignedInDep

router = APIRouter(prefix="/api/v1", tags=["timetable"])


def lesson_read(view: service.LessonView) -> LessonRead:
    """What clients get to see of a lesson."""
    return LessonRead(
        id=view.lesson.id,
        course_id=view.course.id,
        course_code=view.course.code,
        course_title=view.course.title,
        room_id=view.room.id,
        room_name=view.room.name,
        starts_at=view.lesson.starts_at,
        ends_at=view.lesson.ends_at,
    )


def _roster_read(entry: RosterEntry) -> RosterRead:
    return RosterRead(
        id=entry.id,
        course_id=entry.course_id,
        person_id=entry.person_id,
        from_date=entry.from_date,
        until_date=entry.until_date,
    )


@router.post("/rooms", status_code=201)
def create_room(body: RoomCreate, principal: OfficeDep, db: DBDep) -> RoomRead:
    """Add a room."""
    room = service.create_room(db, body.name)
    record(db, actor=principal.actor, action="room.create", subject=f"room:{room.id}")
    return RoomRead(id=room.id, name=room.name)


@router.get("/rooms")
def list_rooms(_: SignedInDep, db: ReadDBDep) -> list[RoomRead]:
    """Every room, by name."""
    return [RoomRead(id=room.id, name=room.name) for room in service.rooms(db)]


@router.post("/courses", status_code=201)
def create_course(body: CourseCreate, principal: OfficeDep, db: DBDep) -> CourseRead:
    """Add a course."""
    course = service.create_course(db, code=body.code, title=body.title)
    record(db, actor=principal.actor, action="course.create", subject=f"course:{course.id}")
    return CourseRead(id=course.id, code=course.code, title=course.title)


@router.get("/courses")
def list_courses(_: SignedInDep, db: ReadDBDep) -> list[CourseRead]:
    """Every course, by code."""
    found = service.courses(db)
    return [CourseRead(id=one.id, code=one.code, title=one.title) for one in found]


@router.post("/courses/{course_id}/roster", status_code=201)
def add_to_roster(
    course_id: uuid.UUID, body: RosterCreate, principal: OfficeDep, db: DBDep
) -> RosterRead:
    """Put a person on the roster."""
    entry = service.add_to_roster(
        db,
        course_id,
        person_id=body.person_id,
        from_date=body.from_date,
        until_date=body.until_date,
    )
    record(
        db,
        actor=principal.actor,
        action="roster.add",
        subject=f"course:{course_id}",
        details={"person": str(body.person_id)},
    )
    return _roster_read(entry)


@router.get("/courses/{course_id}/roster")
def roster(course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> list[RosterRead]:
    """Everybody who is, was or will be on the roster."""
    service.course_of(db, course_id)
    return [_roster_read(entry) for entry, _person in service.roster_people(db, course_id)]


@router.delete("/courses/{course_id}/roster/{entry_id}", status_code=204)
def remove_from_roster(
    course_id: uuid.UUID, entry_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> None:
    """Take a roster entry back."""
    service.remove_from_roster(db, course_id, entry_id)
    record(
        db,
        actor=principal.actor,
        action="roster.remove",
        subject=f"course:{course_id}",
        details={"entry": str(entry_id)},
    )


@router.post("/lessons", status_code=201)
def create_lesson(body: LessonCreate, principal: OfficeDep, db: DBDep) -> LessonRead:
    """Add a lesson."""
    added = service.create_lesson(
        db,
        course_id=body.course_id,
        room_id=body.room_id,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
    )
    record(db, actor=principal.actor, action="lesson.create", subject=f"lesson:{added.id}")
    return lesson_read(service.lesson_view(db, added.id))


@router.get("/lessons")
def list_lessons(
    _: SignedInDep,
    db: ReadDBDep,
    after: AwareDatetime | None = None,
    before: AwareDatetime | None = None,
    room_id: uuid.UUID | None = None,
) -> list[LessonRead]:
    """Lessons by start."""
    views = service.lesson_views(db, after=after, before=before, room_id=room_id)
    return [lesson_read(view) for view in views]
