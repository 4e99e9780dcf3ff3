"""What is done with several people who were chosen in the list: one page to see, then to act."""

import uuid
from typing import Annotated, Any

from fastapi import Form, Request
from pydantic import Field
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.many import ManyOutcome
from server.db.types import now
from server.enrollment.photo import school_date
from server.errors import ServerError
from server.people.search import people_by_name
from server.timetable import roster_bulk
from server.timetable.local_time import parse_date
from server.timetable.roster import RosterDates
from server.timetable.service import course_of, courses
from server.web.access import OfficeDep
from server.web.pages import render, request_translator
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, get_settings
from server.web.strict import StrictInput

router = GuardedRouter(prefix="/people/chosen", include_in_schema=False)
#: More than a page of the list; a longer choice is made with an import.
_MOST = 200
#: As many as one print takes.
_MOST_PRINTED = 100


class ChosenForm(StrictInput):
    """Who was chosen."""

    person_id: Annotated[list[uuid.UUID], Field(max_length=_MOST)] = Field(default_factory=list)


class ChosenEndForm(ChosenForm):
    """Who is taken off which course."""

    course_id: uuid.UUID


class ChosenAddForm(ChosenEndForm):
    """Who is put on which course's roster, and when."""

    from_date: str = Field(max_length=40)
    until_date: str = Field(default="", max_length=40)

    def dates(self) -> RosterDates:
        """Return the dates.

        Raises:
            ValueError: one of them is no date, or the first is missing.
            InvalidError: the last day is before the first.
        """
        last = parse_date(self.until_date) if self.until_date else None
        return RosterDates(parse_date(self.from_date), last)


@router.post("")
def chosen_page(
    request: Request, _: OfficeDep, db: ReadDBDep, form: Annotated[ChosenForm, Form()]
) -> Response:
    """Show who was chosen, and what can be done with all of them."""
    return _chosen(request, db, form)


@router.post("/add")
def add_chosen(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[ChosenAddForm, Form()]
) -> Response:
    """Put them on a course's roster, and say who was skipped."""
    course_of(db, form.course_id)
    try:
        dates = form.dates()
    except (ServerError, ValueError) as exc:
        return _chosen(request, db, form, exc)
    outcome = roster_bulk.add_many(db, form.course_id, form.person_id, dates, actor=principal.actor)
    return _outcome(request, db, form, outcome, "added")


@router.post("/end")
def end_chosen(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[ChosenEndForm, Form()],
) -> Response:
    """Take them off a course's roster, and say who was skipped."""
    outcome = roster_bulk.end_many(
        db,
        form.course_id,
        form.person_id,
        today=school_date(settings),
        at=now(),
        actor=principal.actor,
    )
    return _outcome(request, db, form, outcome, "ended")


def _chosen(
    request: Request, db: Session, form: ChosenForm, exc: Exception | None = None
) -> Response:
    today = school_date(get_settings(request))
    values: dict[str, Any] = {"from_date": today.isoformat(), "until_date": "", "course_id": None}
    people = people_by_name(db, form.person_id)
    context = {
        "people": people,
        "courses": courses(db),
        "current": roster_bulk.courses_of_many(db, [one.id for one in people], today),
        "values": values | form.model_dump(),
        "problem": problem_text(request_translator(request), exc),
        "most_printed": _MOST_PRINTED,
    }
    return render(request, "enrollment/chosen.html", context, status_code=400 if exc else 200)


def _outcome(
    request: Request, db: Session, form: ChosenEndForm, outcome: ManyOutcome, done: str
) -> Response:
    t = request_translator(request)
    skipped = people_by_name(db, outcome.skipped)
    context = {
        "course": course_of(db, form.course_id),
        "done": done,
        "count": len(outcome.done),
        "skipped": [(one, problem_text(t, outcome.skipped[one.id])) for one in skipped],
    }
    return render(request, "enrollment/chosen_done.html", context)
