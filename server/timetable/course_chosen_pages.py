"""What is done with several courses that were chosen in the list: one page to see, then to act."""

import uuid
from typing import Annotated, Any

from fastapi import Form, Request
from pydantic import Field
from sqlmodel import Session
from starlette.responses import Response

from server.accounts.tables import Account
from server.db.dependencies import DBDep, ReadDBDep
from server.db.many import ManyOutcome
from server.db.types import now
from server.errors import ServerError
from server.timetable import course_bulk
from server.timetable.course_bulk import TeacherPlan
from server.timetable.course_end import CourseEnd, end_many_courses
from server.timetable.forms import Text
from server.timetable.groups import service as groups
from server.timetable.groups.api import change_by
from server.timetable.local_time import local_date, parse_date
from server.timetable.service import courses, found_or_404
from server.timetable.substitutes.service import teachers
from server.web.access import OfficeDep
from server.web.pages import render, request_translator
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import get_settings
from server.web.strict import StrictInput

router = GuardedRouter(prefix="/courses/chosen", include_in_schema=False)
#: A page of the list has 50.
_MOST = 200


class ChosenCoursesForm(StrictInput):
    """Which courses were chosen."""

    course_id: Annotated[list[uuid.UUID], Field(max_length=_MOST)] = Field(default_factory=list)


class ChosenTeacherForm(ChosenCoursesForm):
    """Who teaches them, and from which day on."""

    account_id: uuid.UUID
    from_date: Text = ""
    ends_others: bool = False


class ChosenGroupForm(ChosenCoursesForm):
    """From which class they take their students, and from which day on."""

    group_id: uuid.UUID
    from_date: Text = ""


class ChosenCourseEndForm(ChosenCoursesForm):
    """Their last day."""

    last_day: Text = ""


@router.post("")
def chosen_courses_page(
    request: Request, _: OfficeDep, db: ReadDBDep, form: Annotated[ChosenCoursesForm, Form()]
) -> Response:
    """Show which courses were chosen, and what can be done with all of them."""
    return _chosen(request, db, form)


@router.post("/teacher")
def set_teacher(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[ChosenTeacherForm, Form()]
) -> Response:
    """Give them a teacher, and say which were skipped."""
    account = found_or_404(db.get(Account, form.account_id), "account")
    try:
        plan = TeacherPlan(form.account_id, parse_date(form.from_date), form.ends_others)
    except (ServerError, ValueError) as exc:
        return _chosen(request, db, form, exc)
    outcome = course_bulk.add_teacher_to_many(db, form.course_id, plan, actor=principal.actor)
    return _outcome(request, db, outcome, "taught", account.display_name)


@router.post("/group")
def set_group(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[ChosenGroupForm, Form()]
) -> Response:
    """Let them take their students from a class, and say which were skipped."""
    group = groups.group_of(db, form.group_id)
    try:
        from_date = parse_date(form.from_date)
    except (ServerError, ValueError) as exc:
        return _chosen(request, db, form, exc)
    change = change_by(principal, get_settings(request))
    outcome = course_bulk.add_group_to_many(db, group.id, form.course_id, from_date, change)
    return _outcome(request, db, outcome, "grouped", group.name)


@router.post("/end")
def end_chosen_courses(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[ChosenCourseEndForm, Form()]
) -> Response:
    """End them, and say which were skipped."""
    settings = get_settings(request)
    change = change_by(principal, settings)
    try:
        end = CourseEnd(parse_date(form.last_day), settings.zone, change)
        outcome = end_many_courses(db, form.course_id, end)
    except (ServerError, ValueError) as exc:
        return _chosen(request, db, form, exc)
    return _outcome(request, db, outcome, "ended", "")


def _chosen(
    request: Request, db: Session, form: ChosenCoursesForm, exc: Exception | None = None
) -> Response:
    today = local_date(now(), get_settings(request).zone)
    values: dict[str, Any] = {"from_date": today.isoformat(), "ends_others": False}
    values["last_day"] = ""  # not to be undone, so nothing is suggested
    values |= {"account_id": None, "group_id": None}
    context = {
        "courses": courses(db, only=form.course_id),
        "teachers": teachers(db),
        "groups": [group for group, _size in groups.groups_and_sizes(db, on=today)],
        "values": values | form.model_dump(),
        "problem": problem_text(request_translator(request), exc),
    }
    template = "timetable/chosen_courses.html"
    return render(request, template, context, status_code=400 if exc else 200)


def _outcome(request: Request, db: Session, outcome: ManyOutcome, done: str, name: str) -> Response:
    t = request_translator(request)
    context = {
        "done": done,
        "name": name,
        "count": len(outcome.done),
        "skipped": [
            (one, problem_text(t, outcome.skipped[one.id]))
            for one in courses(db, only=outcome.skipped)
        ],
    }
    return render(request, "timetable/chosen_courses_done.html", context)
