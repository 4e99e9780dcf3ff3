"""The pages of absences: the list, a new one, one absence, and its withdrawal."""

import uuid
from typing import Annotated, Any

from fastapi import Form, Query, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.absences import attachments, service
from server.absences.service import KEPT, AbsenceFilter, AbsenceView
from server.accounts.names import actor_names
from server.attendance.codes.palette import STATUS_TONES
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.excuses.forms import AbsenceForm, WithdrawalForm
from server.excuses.service import PastLinesError, report, withdraw
from server.excuses.words import reason_words, when_words
from server.guardians.service import guardian_names
from server.people.search import find_people
from server.people.service import get_person
from server.timetable.local_time import local_date
from server.web.access import OfficeDep
from server.web.dates import day_words
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(include_in_schema=False)
_PAGE, _CANDIDATES = 50, 20
#: Lines of lessons that are over which a page lists; of the others it says how many there are.
_MOST_LINES = 100


@router.get("/absences")
def absences_page(
    request: Request, _: OfficeDep, db: ReadDBDep, page: PageNumber = 1, earlier: bool = False
) -> Response:
    """Absences of today and to come, or earlier ones."""
    today = local_date(now(), get_settings(request).zone)
    which = AbsenceFilter(before=today) if earlier else AbsenceFilter(since=today)
    pager = read_page(
        lambda limit, offset: service.absence_page(db, which, limit=limit, offset=offset),
        page,
        _PAGE,
    )
    context = _words(request) | {"pager": pager, "earlier": earlier, "today": today}
    return render(request, "excuses/absences.html", context)


@router.get("/absences/new")
def new_absence_page(
    request: Request,
    _: OfficeDep,
    db: ReadDBDep,
    person_id: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """The form for a new absence; without a student, the search for one."""
    today = local_date(now(), get_settings(request).zone).isoformat()
    return _form(request, db, AbsenceForm(person_id=person_id, first_day=today))


@router.post("/absences/new/people")
def search_person(
    request: Request, _: OfficeDep, db: ReadDBDep, form: Annotated[AbsenceForm, Form()]
) -> Response:
    """The people found; their names stay out of the address."""
    return _form(request, db, form)


@router.post("/absences/new")
def report_absence(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[AbsenceForm, Form()]
) -> Response:
    """Enter the absence, ask about lessons that are over, or show the form again."""
    try:
        with db.begin_nested():
            row = report(
                db,
                form.absence(),
                actor=principal.actor,
                zone=get_settings(request).zone,
                at=now(),
            )
    except PastLinesError as exc:
        return _ask(request, db, "/absences/new", form, exc)
    except (ServerError, ValueError) as exc:
        return _form(request, db, form, exc=exc)
    return see_other(f"/absences/{row.id}")


@router.get("/absences/{absence_id}")
def absence_page(request: Request, absence_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """One absence with its files."""
    return show_absence(request, db, absence_id)


@router.get("/absences/{absence_id}/withdraw")
def withdraw_page(request: Request, absence_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """Ask why."""
    return _withdrawal(request, db, absence_id, WithdrawalForm())


@router.post("/absences/{absence_id}/withdraw")
def withdraw_absence(
    request: Request,
    absence_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[WithdrawalForm, Form()],
) -> Response:
    """Withdraw the absence, ask about lessons that are over, or show the form again."""
    zone = get_settings(request).zone
    try:
        with db.begin_nested():
            withdraw(db, absence_id, form.withdrawal(), actor=principal.actor, zone=zone, at=now())
    except PastLinesError as exc:
        return _ask(request, db, f"/absences/{absence_id}/withdraw", form, exc)
    except (ServerError, ValidationError) as exc:
        return _withdrawal(request, db, absence_id, form, exc=exc)
    return see_other(f"/absences/{absence_id}")


def show_absence(
    request: Request, db: Session, absence_id: uuid.UUID, *, problem: str = ""
) -> Response:
    """Render one absence, with what is wrong with a file that was just sent."""
    found = service.absence_view(db, absence_id)
    files = attachments.attachments_of(db, absence_id)
    actors = {found.report.entered_by, *(one.added_by for one in files)}
    if found.withdrawal:
        actors.add(found.withdrawal.withdrawn_by)
    context = _words(request) | {
        "one": found,
        "files": files,
        "names": actor_names(db, actors),
        "kept_until": found.report.last_day + KEPT,
        "problem": problem,
        "may_attach": not found.person.erased_at and len(files) < attachments.MOST_FILES,
    }
    status_code = 400 if problem else 200
    return render(request, "excuses/absence.html", context, status_code=status_code)


def _form(
    request: Request, db: Session, form: AbsenceForm, *, exc: Exception | None = None
) -> Response:
    t = request_translator(request)
    person = _person(db, form.person_id)
    found, total = (
        find_people(db, words=form.q, limit=_CANDIDATES) if form.q and not person else ([], 0)
    )
    context = {
        "form": form,
        "person": person,
        "guardian_names": guardian_names(db, person.id) if person else [],
        "candidates": found,
        "has_more": total > len(found),
        "reasons": [
            (str(one.id), reason_words(t, one)) for one in service.reasons(db, in_use=True)
        ],
        "problem": problem_text(t, exc),
    }
    return render(request, "excuses/new.html", context, status_code=400 if exc else 200)


def _person(db: Session, text: str) -> Any:
    try:
        return get_person(db, uuid.UUID(text)) if text else None
    except ValueError:
        return None


def _withdrawal(
    request: Request,
    db: Session,
    absence_id: uuid.UUID,
    form: WithdrawalForm,
    *,
    exc: Exception | None = None,
) -> Response:
    problem = problem_text(request_translator(request), exc, invalid="reason")
    context = _words(request) | {
        "one": service.absence_view(db, absence_id),
        "form": form,
        "problem": problem,
    }
    status_code = 400 if exc else 200
    return render(request, "excuses/withdraw.html", context, status_code=status_code)


def _ask(
    request: Request,
    db: Session,
    action: str,
    form: AbsenceForm | WithdrawalForm,
    found: PastLinesError,
) -> Response:
    """Show which lines of lessons that are over would change, and ask whether they shall."""
    context = {
        "action": action,
        "form": form,
        "lines": found.lines,
        "most": _MOST_LINES,
        "tones": STATUS_TONES,
    }
    return render(request, "excuses/past_lines.html", context, status_code=409)


def _words(request: Request) -> dict[str, Any]:
    t = request_translator(request)
    year = now().astimezone(get_settings(request).zone).year

    def when(one: AbsenceView) -> str:
        return when_words(t, one.report, lambda day: day_words(day, t, this_year=year))

    return {"when": when, "reason_of": lambda one: reason_words(t, one.reason)}
