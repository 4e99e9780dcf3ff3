"""Rooms, courses, rosters, teachers, terms: the JSON API. Lessons are in lessons_api."""

import uuid

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.timetable import roster as rosters
from server.timetable import service, teachers, terms
from server.timetable.local_time import local_date
from server.timetable.roster import RosterDates
from server.timetable.schemas import (
    CourseCreate,
    CourseRead,
    CourseUpdate,
    RoomCreate,
    RoomRead,
    RoomUpdate,
    RosterCreate,
    RosterRead,
    RosterUpdate,
    TeacherCreate,
    TeacherEnd,
    TeacherRead,
    TermCreate,
    TermRead,
)
from server.timetable.tables import CourseTeacher, RosterEntry, Term
from server.web.access import OfficeDep, SignedInDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1", tags=["timetable"])


def _roster_read(entry: RosterEntry) -> RosterRead:
    return RosterRead(
        id=entry.id,
        course_id=entry.course_id,
        person_id=entry.person_id,
        from_date=entry.from_date,
        until_date=entry.until_date,
        counts_after=entry.counts_after,
    )


def _teacher_read(row: CourseTeacher) -> TeacherRead:
    return TeacherRead(
        id=row.id,
        course_id=row.course_id,
        account_id=row.account_id,
        from_date=row.from_date,
        until_date=row.until_date,
    )


def _term_read(term: Term) -> TermRead:
    return TermRead(id=term.id, name=term.name, first_day=term.first_day, last_day=term.last_day)


@router.post("/rooms", status_code=201)
def create_room(body: RoomCreate, principal: OfficeDep, db: DBDep) -> RoomRead:
    """Add a room."""
    room = service.create_room(db, body.name, actor=principal.actor)
    return RoomRead(id=room.id, name=room.name)


@router.patch("/rooms/{room_id}")
def rename_room(room_id: uuid.UUID, body: RoomUpdate, principal: OfficeDep, db: DBDep) -> RoomRead:
    """Give a room another name."""
    room = service.rename_room(db, room_id, body.name, actor=principal.actor)
    return RoomRead(id=room.id, name=room.name)


@router.get("/rooms")
def list_rooms(_: SignedInDep, db: ReadDBDep) -> list[RoomRead]:
    """Every room, by name."""
    return [RoomRead(id=room.id, name=room.name) for room in service.rooms(db)]


@router.post("/courses", status_code=201)
def create_course(body: CourseCreate, principal: OfficeDep, db: DBDep) -> CourseRead:
    """Add a course."""
    course = service.create_course(db, code=body.code, title=body.title, actor=principal.actor)
    return CourseRead(id=course.id, code=course.code, title=course.title)


@router.patch("/courses/{course_id}")
def change_course(
    course_id: uuid.UUID, body: CourseUpdate, principal: OfficeDep, db: DBDep
) -> CourseRead:
    """Give a course another code or title."""
    course = service.change_course(
        db, course_id, code=body.code, title=body.title, actor=principal.actor
    )
    return CourseRead(id=course.id, code=course.code, title=course.title)


@router.get("/courses")
def list_courses(principal: SignedInDep, db: ReadDBDep, settings: SettingsDep) -> list[CourseRead]:
    """Every course, by code; for teachers their own."""
    own = teachers.visible_courses(db, principal, local_date(now(), settings.zone))
    found = service.courses(db, only=own)
    return [CourseRead(id=one.id, code=one.code, title=one.title) for one in found]


@router.post("/courses/{course_id}/roster", status_code=201)
def add_to_roster(
    course_id: uuid.UUID,
    body: RosterCreate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> RosterRead:
    """Put a person on the roster; lessons that are over do not list them for it."""
    entry = rosters.add_to_roster(
        db,
        course_id,
        person_id=body.person_id,
        from_date=body.from_date or local_date(now(), settings.zone),
        until_date=body.until_date,
        actor=principal.actor,
    )
    return _roster_read(entry)


@router.get("/courses/{course_id}/roster")
def roster(course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> list[RosterRead]:
    """Every entry of the roster: past, present and future."""
    service.course_of(db, course_id)
    return [_roster_read(entry) for entry, _person in rosters.roster_people(db, course_id)]


@router.patch("/courses/{course_id}/roster/{entry_id}")
def change_roster_dates(
    course_id: uuid.UUID,
    entry_id: uuid.UUID,
    body: RosterUpdate,
    principal: OfficeDep,
    db: DBDep,
) -> RosterRead:
    """Change an entry's dates. Lessons that have started must stay as they are (409)."""
    dates = RosterDates(body.from_date, body.until_date)
    entry = rosters.change_dates(db, course_id, entry_id, dates, at=now(), actor=principal.actor)
    return _roster_read(entry)


@router.delete("/courses/{course_id}/roster/{entry_id}", status_code=204)
def remove_from_roster(
    course_id: uuid.UUID,
    entry_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> None:
    """Take a person off the roster: today is the last day. Lessons that have started stay."""
    at = now()
    rosters.end_entry(
        db, course_id, entry_id, today=local_date(at, settings.zone), at=at, actor=principal.actor
    )


@router.post("/courses/{course_id}/teachers", status_code=201)
def add_teacher(
    course_id: uuid.UUID, body: TeacherCreate, principal: OfficeDep, db: DBDep
) -> TeacherRead:
    """Let a teacher see and correct the course's lessons, from one date to another."""
    row = teachers.add_teacher(
        db,
        course_id,
        account_id=body.account_id,
        from_date=body.from_date,
        until_date=body.until_date,
        actor=principal.actor,
    )
    return _teacher_read(row)


@router.get("/courses/{course_id}/teachers")
def list_teachers(course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> list[TeacherRead]:
    """Everyone who teaches, taught or will teach the course."""
    service.course_of(db, course_id)
    return [_teacher_read(row) for row in teachers.teachers_of(db, course_id)]


@router.patch("/courses/{course_id}/teachers/{entry_id}")
def end_teacher(
    course_id: uuid.UUID,
    entry_id: uuid.UUID,
    body: TeacherEnd,
    principal: OfficeDep,
    db: DBDep,
) -> TeacherRead:
    """Set the last day on which the teacher has the course."""
    row = teachers.end_teacher(
        db, course_id, entry_id, last_day=body.until_date, actor=principal.actor
    )
    return _teacher_read(row)


@router.get("/terms")
def list_terms(_: SignedInDep, db: ReadDBDep) -> list[TermRead]:
    """Every term, by its first day."""
    return [_term_read(term) for term in terms.terms(db)]


@router.post("/terms", status_code=201)
def create_term(body: TermCreate, principal: OfficeDep, db: DBDep) -> TermRead:
    """Add a term. Once there is one, lessons can only be planned inside a term."""
    term = terms.create_term(
        db, name=body.name, first_day=body.first_day, last_day=body.last_day, actor=principal.actor
    )
    return _term_read(term)


@router.put("/terms/{term_id}")
def change_term(
    term_id: uuid.UUID, body: TermCreate, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> TermRead:
    """Change a term. Lessons of weekly patterns follow its dates; single lessons stay."""
    term = terms.change_term(
        db,
        term_id,
        name=body.name,
        days=(body.first_day, body.last_day),
        zone=settings.zone,
        actor=principal.actor,
    )
    return _term_read(term)


@router.delete("/terms/{term_id}", status_code=204)
def delete_term(term_id: uuid.UUID, principal: OfficeDep, db: DBDep, settings: SettingsDep) -> None:
    """Delete a term with its weekly patterns and their lessons to come; single lessons stay."""
    terms.delete_term(db, term_id, zone=settings.zone, actor=principal.actor)
