"""Pages of the timetable: sessions of a week, courses with their rosters, rooms."""

import uuid
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.audit.service import record
from server.db.session import ReadSessionDep, SessionDep
from server.db.types import now
from server.errors import ServerError
from server.people.service import find_people
from server.timetable import service
from server.timetable.forms import CourseForm, RoomForm, RosterForm, SessionForm
from server.timetable.schemas import CourseCreate, RoomCreate
from server.timetable.service import SessionView
from server.web.access import OfficeDep, SignedInDep
from server.web.pages import render, request_translator, see_other
from server.web.state import SettingsDep

router = APIRouter(include_in_schema=False)
_CANDIDATES = 20
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


@router.get("/sessions")
def sessions_page(
    request: Request,
    _: SignedInDep,
    session: ReadSessionDep,
    settings: SettingsDep,
    day: Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY)] = None,
) -> Response:
    """A week of sessions, by day."""
    first = day or service.local_date(now(), settings.zone)
    first -= timedelta(days=first.weekday())
    starts_at, ends_at = _week(first, settings.zone)
    views = service.session_views(session, after=starts_at, before=ends_at)
    context = {
        "days": _by_day(views, settings.zone),
        "first": first,
        "previous": first - timedelta(days=7),
        "following": first + timedelta(days=7),
        "last": first + timedelta(days=6),
        "today": service.local_date(now(), settings.zone),
        "at": now(),
        "has_courses": bool(service.courses(session)),
        "has_rooms": bool(service.rooms(session)),
    }
    return render(request, "timetable/sessions.html", context)


@router.get("/sessions/new")
def new_session_page(
    request: Request, _: OfficeDep, session: ReadSessionDep, settings: SettingsDep
) -> Response:
    """The form for a session; it proposes the next full hour."""
    start = now().astimezone(settings.zone).replace(minute=0, second=0) + timedelta(hours=1)
    form = SessionForm(
        day=start.date().isoformat(),
        starts=f"{start:%H:%M}",
        ends=f"{start + timedelta(minutes=45):%H:%M}",
    )
    return _session_form(request, session, form)


@router.post("/sessions/new")
def create_session(
    request: Request,
    principal: OfficeDep,
    session: SessionDep,
    settings: SettingsDep,
    form: Annotated[SessionForm, Form()],
) -> Response:
    """Add the session, or show the form again with what is wrong."""
    try:
        starts_at, ends_at = form.times(settings.zone)
        with session.begin_nested():
            added = service.create_session(
                session,
                course_id=uuid.UUID(form.course_id),
                room_id=uuid.UUID(form.room_id),
                starts_at=starts_at,
                ends_at=ends_at,
            )
    except ServerError as exc:
        return _session_form(request, session, form, exc.message)
    except ValueError:
        words = request_translator(request)("timetable.problem.incomplete")
        return _session_form(request, session, form, words)
    record(session, actor=principal.actor, action="session.create", subject=f"session:{added.id}")
    return see_other(f"/sessions/{added.id}")


@router.get("/rooms")
def rooms_page(request: Request, _: OfficeDep, session: ReadSessionDep) -> Response:
    """Every room, and the form for another."""
    return _rooms(request, session)


@router.post("/rooms")
def create_room(
    request: Request,
    principal: OfficeDep,
    session: SessionDep,
    form: Annotated[RoomForm, Form()],
) -> Response:
    """Add a room."""
    try:
        room = service.create_room(session, RoomCreate(name=form.name).name)
    except ServerError as exc:
        return _rooms(request, session, form.name, exc.message)
    except ValidationError:
        words = request_translator(request)("timetable.problem.incomplete")
        return _rooms(request, session, form.name, words)
    record(session, actor=principal.actor, action="room.create", subject=f"room:{room.id}")
    return see_other("/rooms")


@router.get("/courses")
def courses_page(request: Request, _: OfficeDep, session: ReadSessionDep) -> Response:
    """Every course, and the form for another."""
    return _courses(request, session, CourseForm())


@router.post("/courses")
def create_course(
    request: Request,
    principal: OfficeDep,
    session: SessionDep,
    form: Annotated[CourseForm, Form()],
) -> Response:
    """Add a course."""
    try:
        body = CourseCreate(code=form.code, title=form.title)
        course = service.create_course(session, code=body.code, title=body.title)
    except ServerError as exc:
        return _courses(request, session, form, exc.message)
    except ValidationError:
        words = request_translator(request)("timetable.problem.incomplete")
        return _courses(request, session, form, words)
    record(session, actor=principal.actor, action="course.create", subject=f"course:{course.id}")
    return see_other(f"/courses/{course.id}")


@router.get("/courses/{course_id}")
def course_page(
    request: Request,
    course_id: uuid.UUID,
    _: OfficeDep,
    session: ReadSessionDep,
) -> Response:
    """One course: its roster, and a search for people to put on it."""
    return _course(request, session, course_id)


@router.post("/courses/{course_id}")
def search_for_roster(
    request: Request,
    course_id: uuid.UUID,
    _: OfficeDep,
    session: ReadSessionDep,
    q: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """The same with the people found; their names stay out of the address and its logs."""
    return _course(request, session, course_id, q=q)


@router.post("/courses/{course_id}/roster")
def add_to_roster(
    request: Request,
    course_id: uuid.UUID,
    principal: OfficeDep,
    session: SessionDep,
    form: Annotated[RosterForm, Form()],
) -> Response:
    """Put a person on the roster."""
    try:
        person_id, first, last = form.values()
        service.add_to_roster(
            session, course_id, person_id=person_id, from_date=first, until_date=last
        )
    except ServerError as exc:
        return _course(request, session, course_id, problem=exc.message)
    except ValueError:
        words = request_translator(request)("timetable.problem.incomplete")
        return _course(request, session, course_id, problem=words)
    record(
        session,
        actor=principal.actor,
        action="roster.add",
        subject=f"course:{course_id}",
        details={"person": str(person_id)},
    )
    return see_other(f"/courses/{course_id}")


@router.post("/courses/{course_id}/roster/{entry_id}/remove")
def remove_from_roster(
    course_id: uuid.UUID, entry_id: uuid.UUID, principal: OfficeDep, session: SessionDep
) -> Response:
    """Take a roster entry back."""
    service.remove_from_roster(session, course_id, entry_id)
    record(
        session,
        actor=principal.actor,
        action="roster.remove",
        subject=f"course:{course_id}",
        details={"entry": str(entry_id)},
    )
    return see_other(f"/courses/{course_id}")


def _session_form(
    request: Request, session: Session, form: SessionForm, problem: str = ""
) -> Response:
    context = {
        "form": form,
        "problem": problem,
        "courses": [(str(one.id), f"{one.code} · {one.title}") for one in service.courses(session)],
        "rooms": [(str(room.id), room.name) for room in service.rooms(session)],
    }
    return render(
        request, "timetable/new_session.html", context, status_code=400 if problem else 200
    )


def _rooms(request: Request, session: Session, name: str = "", problem: str = "") -> Response:
    context = {"rooms": service.rooms(session), "name": name, "problem": problem}
    return render(request, "timetable/rooms.html", context, status_code=400 if problem else 200)


def _courses(request: Request, session: Session, form: CourseForm, problem: str = "") -> Response:
    found = service.courses(session)
    sizes = service.roster_sizes(session)
    context = {"courses": found, "sizes": sizes, "form": form, "problem": problem}
    return render(request, "timetable/courses.html", context, status_code=400 if problem else 200)


def _course(
    request: Request, session: Session, course_id: uuid.UUID, *, q: str = "", problem: str = ""
) -> Response:
    roster = service.roster_people(session, course_id)
    listed = {person.id for _entry, person in roster}
    candidates = find_people(session, words=q, limit=_CANDIDATES + len(listed))[0] if q else []
    context = {
        "course": service.course_of(session, course_id),
        "roster": roster,
        "q": q,
        "candidates": [one for one in candidates if one.id not in listed][:_CANDIDATES],
        "problem": problem,
        "today": now().date(),
    }
    return render(request, "timetable/course.html", context, status_code=400 if problem else 200)


def _week(first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    monday = datetime.combine(first, time(), tzinfo=zone)
    following = datetime.combine(first + timedelta(days=7), time(), tzinfo=zone)
    return monday.astimezone(UTC), following.astimezone(UTC)


def _by_day(views: list[SessionView], zone: ZoneInfo) -> list[tuple[date, list[SessionView]]]:
    def day_of(view: SessionView) -> date:
        return service.local_date(view.session.starts_at, zone)

    return [(day, list(own)) for day, own in groupby(views, key=day_of)]
