"""Pages of courses: the list, one course with its roster, and who is on it when."""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.people.search import find_people
from server.people.tables import Person
from server.timetable import roster as rosters
from server.timetable import service
from server.timetable.forms import CourseForm, DatesForm, RosterForm, SearchForm
from server.timetable.groups.exceptions import exceptions_of
from server.timetable.groups.service import groups_of_course
from server.timetable.list_filters import CourseChoice, course_choice
from server.timetable.local_time import local_date
from server.timetable.roster import PastRegistersError
from server.timetable.schemas import CourseCreate, CourseUpdate
from server.timetable.tables import RosterEntry
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, get_settings

router = GuardedRouter(include_in_schema=False)
ChoiceDep = Annotated[CourseChoice, Depends(course_choice)]
_CANDIDATES = 20
_PAGE = 50


@dataclass(frozen=True)
class RosterLine:
    """One entry of the roster as the page shows it.

    Attributes:
        listed_since: the first date on which lessons list the person, where `from_date` does not
            say it.
        form: what the fields for the dates hold.
        problem: why the dates were refused, in words.
        past_path: the form that changes past registers, filled in; empty where it is not needed.
    """

    entry: RosterEntry
    person: Person
    listed_since: date | None
    form: DatesForm
    problem: str = ""
    past_path: str = ""


@dataclass(frozen=True)
class RosterRefusal:
    """What was refused: the typed values, why, and of which entry; None: a person to add."""

    exc: Exception
    form: DatesForm
    entry_id: uuid.UUID | None = None


@router.get("/courses")
def courses_page(
    request: Request, _: OfficeDep, db: ReadDBDep, choice: ChoiceDep, page: PageNumber = 1
) -> Response:
    """Courses by code, and the form for another."""
    return _courses(request, db, choice, CourseForm(), page=page)


@router.post("/courses")
def create_course(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    choice: ChoiceDep,
    form: Annotated[CourseForm, Form()],
) -> Response:
    """Add a course."""
    try:
        body = CourseCreate(code=form.code, title=form.title)
        course = service.create_course(db, code=body.code, title=body.title, actor=principal.actor)
    except (ServerError, ValueError) as exc:
        return _courses(request, db, choice, form, exc)
    return see_other(f"/courses/{course.id}")


@router.get("/courses/{course_id}/edit")
def edit_course_page(
    request: Request, course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep
) -> Response:
    """The form with the course's code and title."""
    course = service.course_of(db, course_id)
    return _course_form(request, db, course_id, CourseForm(code=course.code, title=course.title))


@router.post("/courses/{course_id}/edit")
def change_course(
    request: Request,
    course_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[CourseForm, Form()],
) -> Response:
    """Give the course another code or title."""
    service.course_of(db, course_id)
    try:
        body = CourseUpdate(code=form.code, title=form.title)
        with db.begin_nested():
            service.change_course(
                db, course_id, code=body.code, title=body.title, actor=principal.actor
            )
    except (ServerError, ValueError) as exc:
        return _course_form(request, db, course_id, form, exc)
    return see_other(f"/courses/{course_id}")


@router.get("/courses/{course_id}")
def course_page(request: Request, course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """One course: its roster, and a search for people to put on it."""
    return _course(request, db, course_id)


@router.post("/courses/{course_id}")
def search_for_roster(
    request: Request,
    course_id: uuid.UUID,
    _: OfficeDep,
    db: ReadDBDep,
    form: Annotated[SearchForm, Form()],
) -> Response:
    """The same with the people found; their names stay out of the address and its logs."""
    return _course(request, db, course_id, q=form.q)


@router.post("/courses/{course_id}/roster")
def add_to_roster(
    request: Request,
    course_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[RosterForm, Form()],
) -> Response:
    """Put a person on the roster, from today on where no date is given."""
    service.course_of(db, course_id)
    try:
        person_id, dates = form.values()
        with db.begin_nested():
            rosters.add_to_roster(
                db,
                course_id,
                person_id=person_id,
                from_date=dates.from_date or local_date(now(), settings.zone),
                until_date=dates.until_date,
                actor=principal.actor,
            )
    except (ServerError, ValueError) as exc:
        return _course(request, db, course_id, q=form.q, refusal=RosterRefusal(exc, form))
    return see_other(f"/courses/{course_id}")


@router.post("/courses/{course_id}/roster/{entry_id}")
def change_dates(
    request: Request,
    course_id: uuid.UUID,
    entry_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[DatesForm, Form()],
) -> Response:
    """Change an entry's dates; lessons that have started stay as they are."""
    rosters.entry_of(db, course_id, entry_id)
    try:
        dates = form.dates()
        with db.begin_nested():
            rosters.change_dates(db, course_id, entry_id, dates, at=now(), actor=principal.actor)
    except (ServerError, ValueError) as exc:
        return _course(request, db, course_id, refusal=RosterRefusal(exc, form, entry_id))
    return see_other(f"/courses/{course_id}")


@router.post("/courses/{course_id}/roster/{entry_id}/remove")
def remove_from_roster(
    request: Request,
    course_id: uuid.UUID,
    entry_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> Response:
    """Take a person off the roster: today is the last day."""
    entry = rosters.entry_of(db, course_id, entry_id)
    at = now()
    try:
        with db.begin_nested():
            today = local_date(at, settings.zone)
            rosters.end_entry(db, course_id, entry_id, today=today, at=at, actor=principal.actor)
    except ServerError as exc:
        return _course(
            request, db, course_id, refusal=RosterRefusal(exc, _form_of(entry), entry_id)
        )
    return see_other(f"/courses/{course_id}")


def _courses(
    request: Request,
    db: Session,
    choice: CourseChoice,
    form: CourseForm,
    exc: Exception | None = None,
    page: int = 1,
) -> Response:
    pager = read_page(
        lambda limit, offset: service.courses_part(
            db, which=choice.conditions(db), limit=limit, offset=offset
        ),
        page,
        _PAGE,
    )
    today = local_date(now(), get_settings(request).zone)
    context = {
        "pager": pager,
        "bar": choice.bar(db, request_translator(request)),
        "sizes": service.roster_sizes(db, [course.id for course in pager.rows], on=today),
        "form": form,
        "problem": problem_text(request_translator(request), exc, area="course"),
    }
    return render(request, "timetable/courses.html", context, status_code=400 if exc else 200)


def _course_form(
    request: Request,
    db: Session,
    course_id: uuid.UUID,
    form: CourseForm,
    exc: Exception | None = None,
) -> Response:
    problem = problem_text(request_translator(request), exc, area="course")
    context = {"course": service.course_of(db, course_id), "form": form, "problem": problem}
    return render(request, "timetable/edit_course.html", context, status_code=400 if exc else 200)


def _course(
    request: Request,
    db: Session,
    course_id: uuid.UUID,
    *,
    q: str = "",
    refusal: RosterRefusal | None = None,
) -> Response:
    zone = get_settings(request).zone
    today = local_date(now(), zone)
    lines = [
        _line(request, entry, person, zone, refusal)
        for entry, person in rosters.roster_people(db, course_id)
    ]
    past = [one for one in lines if one.entry.until_date and one.entry.until_date < today]
    listed = [one for one in lines if one not in past]
    known = {one.person.id for one in listed if one.entry.until_date != today}
    found, total = find_people(db, words=q, limit=_CANDIDATES + len(known)) if q else ([], 0)
    candidates = [one for one in found if one.id not in known]
    is_adding = refusal is not None and refusal.entry_id is None
    context = {
        "course": service.course_of(db, course_id),
        "groups": groups_of_course(db, course_id, since=today),
        "exceptions": exceptions_of(db, today, course_id=course_id),
        "listed": listed,
        "past": past,
        "q": q,
        "candidates": candidates[:_CANDIDATES],
        "has_more": len(candidates) > _CANDIDATES or total > len(found),
        "form": refusal.form if refusal and is_adding else DatesForm(from_date=today.isoformat()),
        "problem": problem_text(request_translator(request), refusal.exc)
        if refusal and is_adding
        else "",
        "today": today,
    }
    return render(request, "timetable/course.html", context, status_code=400 if refusal else 200)


def _line(
    request: Request,
    entry: RosterEntry,
    person: Person,
    zone: ZoneInfo,
    refusal: RosterRefusal | None,
) -> RosterLine:
    since = local_date(entry.counts_after, zone) if entry.counts_after else None
    if entry.from_date and since and entry.from_date >= since:
        since = None
    if refusal is None or refusal.entry_id != entry.id:
        return RosterLine(entry, person, since, _form_of(entry))
    return RosterLine(
        entry,
        person,
        since,
        refusal.form,
        problem=problem_text(request_translator(request), refusal.exc),
        past_path=_past_path(entry, refusal.form)
        if isinstance(refusal.exc, PastRegistersError)
        else "",
    )


def _form_of(entry: RosterEntry) -> DatesForm:
    return DatesForm(
        from_date=entry.from_date.isoformat() if entry.from_date else "",
        until_date=entry.until_date.isoformat() if entry.until_date else "",
    )


def _past_path(entry: RosterEntry, form: DatesForm) -> str:
    values = {
        "course_id": str(entry.course_id),
        "person_id": str(entry.person_id),
        "entry_id": str(entry.id),
        "from_date": form.from_date,
        "until_date": form.until_date,
    }
    return f"/past-changes/roster?{urlencode(values)}"
