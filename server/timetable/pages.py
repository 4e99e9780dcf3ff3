"""Pages of the timetable: lessons of a week, courses with their rosters, rooms."""

import uuid
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Form, Query, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.audit.service import record
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.people.service import find_people
from server.timetable import lessons, service
from server.timetable import roster as rosters
from server.timetable.forms import CourseForm, LessonForm, RoomForm, RosterForm
from server.timetable.local_time import local_date, midnight
from server.timetable.schemas import CourseCreate, RoomCreate
from server.timetable.service import LessonView
from server.timetable.teachers import visible_courses
from server.web.access import OfficeDep, SignedInDep
from server.web.pages import render, request_translator, see_other
from server.web.state import SettingsDep

router = APIRouter(include_in_schema=False)
_CANDIDATES = 20
_FIRST_DAY, _LAST_DAY = date(1970, 1, 1), date(2999, 12, 31)


@router.get("/lessons")
def lessons_page(
    request: Request,
    principal: SignedInDep,
    db: ReadDBDep,
    settings: SettingsDep,
    day: Annotated[date | None, Query(ge=_FIRST_DAY, le=_LAST_DAY)] = None,
) -> Response:
    """A week of lessons, by day."""
    first = day or local_date(now(), settings.zone)
    first -= timedelta(days=first.weekday())
    starts_at, ends_at = _week(first, settings.zone)
    own = visible_courses(db, principal, local_date(now(), settings.zone))
    views = service.lesson_views(db, after=starts_at, before=ends_at, courses=own)
    context = {
        "days": _by_day(views, settings.zone),
        "first": first,
        "previous": first - timedelta(days=7),
        "following": first + timedelta(days=7),
        "last": first + timedelta(days=6),
        "today": local_date(now(), settings.zone),
        "at": now(),
        "has_courses": bool(service.courses(db)),
        "has_rooms": bool(service.rooms(db)),
    }
    return render(request, "timetable/lessons.html", context)


@router.get("/lessons/new")
def new_lesson_page(
    request: Request, _: OfficeDep, db: ReadDBDep, settings: SettingsDep
) -> Response:
    """The form for a lesson; it proposes the next full hour."""
    start = now().astimezone(settings.zone).replace(minute=0, second=0) + timedelta(hours=1)
    form = LessonForm(
        day=start.date().isoformat(),
        starts=f"{start:%H:%M}",
        ends=f"{start + timedelta(minutes=45):%H:%M}",
    )
    return _lesson_form(request, db, form)


@router.post("/lessons/new")
def create_lesson(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[LessonForm, Form()],
) -> Response:
    """Add the lesson, or show the form again with what is wrong."""
    try:
        plan = form.plan(settings.zone)
        with db.begin_nested():
            added = lessons.create_lesson(
                db, plan, zone=settings.zone, at=now(), allow_double=bool(form.allow_double)
            )
    except ServerError as exc:
        return _lesson_form(request, db, form, exc.message)
    except ValueError:
        words = request_translator(request)("timetable.problem.incomplete")
        return _lesson_form(request, db, form, words)
    record(db, actor=principal.actor, action="lesson.create", subject=f"lesson:{added.id}")
    return see_other(f"/lessons/{added.id}")


@router.get("/rooms")
def rooms_page(request: Request, _: OfficeDep, db: ReadDBDep) -> Response:
    """Every room, and the form for another."""
    return _rooms(request, db)


@router.post("/rooms")
def create_room(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[RoomForm, Form()],
) -> Response:
    """Add a room."""
    try:
        room = service.create_room(db, RoomCreate(name=form.name).name)
    except ServerError as exc:
        return _rooms(request, db, form.name, exc.message)
    except ValidationError:
        words = request_translator(request)("timetable.problem.incomplete")
        return _rooms(request, db, form.name, words)
    record(db, actor=principal.actor, action="room.create", subject=f"room:{room.id}")
    return see_other("/rooms")


@router.get("/courses")
def courses_page(request: Request, _: OfficeDep, db: ReadDBDep) -> Response:
    """Every course, and the form for another."""
    return _courses(request, db, CourseForm())


@router.post("/courses")
def create_course(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[CourseForm, Form()],
) -> Response:
    """Add a course."""
    try:
        body = CourseCreate(code=form.code, title=form.title)
        course = service.create_course(db, code=body.code, title=body.title)
    except ServerError as exc:
        return _courses(request, db, form, exc.message)
    except ValidationError:
        words = request_translator(request)("timetable.problem.incomplete")
        return _courses(request, db, form, words)
    record(db, actor=principal.actor, action="course.create", subject=f"course:{course.id}")
    return see_other(f"/courses/{course.id}")


@router.get("/courses/{course_id}")
def course_page(
    request: Request,
    course_id: uuid.UUID,
    _: OfficeDep,
    db: ReadDBDep,
) -> Response:
    """One course: its roster, and a search for people to put on it."""
    return _course(request, db, course_id)


@router.post("/courses/{course_id}")
def search_for_roster(
    request: Request,
    course_id: uuid.UUID,
    _: OfficeDep,
    db: ReadDBDep,
    q: Annotated[str, Form(max_length=100)] = "",
) -> Response:
    """The same with the people found; their names stay out of the address and its logs."""
    return _course(request, db, course_id, q=q)


@router.post("/courses/{course_id}/roster")
def add_to_roster(
    request: Request,
    course_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[RosterForm, Form()],
) -> Response:
    """Put a person on the roster."""
    try:
        person_id, dates = form.values()
        rosters.add_to_roster(
            db,
            course_id,
            person_id=person_id,
            from_date=dates.from_date,
            until_date=dates.until_date,
        )
    except ServerError as exc:
        return _course(request, db, course_id, problem=exc.message)
    except ValueError:
        words = request_translator(request)("timetable.problem.incomplete")
        return _course(request, db, course_id, problem=words)
    record(
        db,
        actor=principal.actor,
        action="roster.add",
        subject=f"course:{course_id}",
        details={"person": str(person_id)},
    )
    return see_other(f"/courses/{course_id}")


@router.post("/courses/{course_id}/roster/{entry_id}/remove")
def remove_from_roster(
    course_id: uuid.UUID,
    entry_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> Response:
    """Take a person off the roster: today is the last day."""
    at = now()
    rosters.end_entry(db, course_id, entry_id, today=local_date(at, settings.zone), at=at)
    record(
        db,
        actor=principal.actor,
        action="roster.remove",
        subject=f"course:{course_id}",
        details={"entry": str(entry_id)},
    )
    return see_other(f"/courses/{course_id}")


def _lesson_form(request: Request, db: Session, form: LessonForm, problem: str = "") -> Response:
    context = {
        "form": form,
        "problem": problem,
        "courses": [(str(one.id), f"{one.code} · {one.title}") for one in service.courses(db)],
        "rooms": [(str(room.id), room.name) for room in service.rooms(db)],
    }
    return render(
        request, "timetable/new_lesson.html", context, status_code=400 if problem else 200
    )


def _rooms(request: Request, db: Session, name: str = "", problem: str = "") -> Response:
    context = {"rooms": service.rooms(db), "name": name, "problem": problem}
    return render(request, "timetable/rooms.html", context, status_code=400 if problem else 200)


def _courses(request: Request, db: Session, form: CourseForm, problem: str = "") -> Response:
    found = service.courses(db)
    sizes = service.roster_sizes(db)
    context = {"courses": found, "sizes": sizes, "form": form, "problem": problem}
    return render(request, "timetable/courses.html", context, status_code=400 if problem else 200)


def _course(
    request: Request, db: Session, course_id: uuid.UUID, *, q: str = "", problem: str = ""
) -> Response:
    today = local_date(now(), request.app.state.settings.zone)
    roster = rosters.roster_people(db, course_id)
    listed = {
        person.id
        for entry, person in roster
        if entry.until_date is None or entry.until_date >= today
    }
    candidates = find_people(db, words=q, limit=_CANDIDATES + len(listed))[0] if q else []
    context = {
        "course": service.course_of(db, course_id),
        "roster": roster,
        "q": q,
        "candidates": [one for one in candidates if one.id not in listed][:_CANDIDATES],
        "problem": problem,
        "today": today,
    }
    return render(request, "timetable/course.html", context, status_code=400 if problem else 200)


def _week(first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return midnight(first, zone), midnight(first + timedelta(days=7), zone)


def _by_day(views: list[LessonView], zone: ZoneInfo) -> list[tuple[date, list[LessonView]]]:
    def day_of(view: LessonView) -> date:
        return local_date(view.lesson.starts_at, zone)

    return [(day, list(own)) for day, own in groupby(views, key=day_of)]
