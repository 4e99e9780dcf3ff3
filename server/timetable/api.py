"""Rooms, courses, rosters and sessions: the JSON API."""

import uuid

from fastapi import APIRouter
from pydantic import AwareDatetime

from server.audit.service import record
from server.db.session import ReadSessionDep, SessionDep
from server.timetable import service
from server.timetable.schemas import (
    CourseCreate,
    CourseRead,
    RoomCreate,
    RoomRead,
    RosterCreate,
    RosterRead,
    SessionCreate,
    SessionRead,
)
from server.timetable.tables import RosterEntry
from server.web.access import OfficeDep, SignedInDep

router = APIRouter(prefix="/api/v1", tags=["timetable"])


def session_read(view: service.SessionView) -> SessionRead:
    """What clients get to see of a session."""
    return SessionRead(
        id=view.session.id,
        course_id=view.course.id,
        course_code=view.course.code,
        course_title=view.course.title,
        room_id=view.room.id,
        room_name=view.room.name,
        starts_at=view.session.starts_at,
        ends_at=view.session.ends_at,
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
def create_room(body: RoomCreate, principal: OfficeDep, session: SessionDep) -> RoomRead:
    """Add a room."""
    room = service.create_room(session, body.name)
    record(session, actor=principal.actor, action="room.create", subject=f"room:{room.id}")
    return RoomRead(id=room.id, name=room.name)


@router.get("/rooms")
def list_rooms(_: SignedInDep, session: ReadSessionDep) -> list[RoomRead]:
    """Every room, by name."""
    return [RoomRead(id=room.id, name=room.name) for room in service.rooms(session)]


@router.post("/courses", status_code=201)
def create_course(body: CourseCreate, principal: OfficeDep, session: SessionDep) -> CourseRead:
    """Add a course."""
    course = service.create_course(session, code=body.code, title=body.title)
    record(session, actor=principal.actor, action="course.create", subject=f"course:{course.id}")
    return CourseRead(id=course.id, code=course.code, title=course.title)


@router.get("/courses")
def list_courses(_: SignedInDep, session: ReadSessionDep) -> list[CourseRead]:
    """Every course, by code."""
    found = service.courses(session)
    return [CourseRead(id=one.id, code=one.code, title=one.title) for one in found]


@router.post("/courses/{course_id}/roster", status_code=201)
def add_to_roster(
    course_id: uuid.UUID, body: RosterCreate, principal: OfficeDep, session: SessionDep
) -> RosterRead:
    """Put a person on the roster."""
    entry = service.add_to_roster(
        session,
        course_id,
        person_id=body.person_id,
        from_date=body.from_date,
        until_date=body.until_date,
    )
    record(
        session,
        actor=principal.actor,
        action="roster.add",
        subject=f"course:{course_id}",
        details={"person": str(body.person_id)},
    )
    return _roster_read(entry)


@router.get("/courses/{course_id}/roster")
def roster(course_id: uuid.UUID, _: OfficeDep, session: ReadSessionDep) -> list[RosterRead]:
    """Everybody who is, was or will be on the roster."""
    service.course_of(session, course_id)
    return [_roster_read(entry) for entry, _person in service.roster_people(session, course_id)]


@router.delete("/courses/{course_id}/roster/{entry_id}", status_code=204)
def remove_from_roster(
    course_id: uuid.UUID, entry_id: uuid.UUID, principal: OfficeDep, session: SessionDep
) -> None:
    """Take a roster entry back."""
    service.remove_from_roster(session, course_id, entry_id)
    record(
        session,
        actor=principal.actor,
        action="roster.remove",
        subject=f"course:{course_id}",
        details={"entry": str(entry_id)},
    )


@router.post("/sessions", status_code=201)
def create_session(body: SessionCreate, principal: OfficeDep, session: SessionDep) -> SessionRead:
    """Add a session."""
    added = service.create_session(
        session,
        course_id=body.course_id,
        room_id=body.room_id,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
    )
    record(session, actor=principal.actor, action="session.create", subject=f"session:{added.id}")
    return session_read(service.session_view(session, added.id))


@router.get("/sessions")
def list_sessions(
    _: SignedInDep,
    session: ReadSessionDep,
    after: AwareDatetime | None = None,
    before: AwareDatetime | None = None,
    room_id: uuid.UUID | None = None,
) -> list[SessionRead]:
    """Sessions by start."""
    views = service.session_views(session, after=after, before=before, room_id=room_id)
    return [session_read(view) for view in views]
