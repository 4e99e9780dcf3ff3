"""Pages of the changes of the past: the list, the three forms, the preview, the confirmation."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from itertools import groupby
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import Form, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from server.accounts.names import actor_names
from server.attendance import past
from server.attendance.codes.palette import STATUS_TONES
from server.attendance.forms import PastForm, PastKind, PastLink
from server.attendance.past import Confirmation, LineChange, Preview
from server.attendance.past_forms import fill_in, read_change
from server.attendance.past_kinds import AnyChange
from server.attendance.past_words import PastWording, stored_changes
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.people.search import find_people
from server.people.service import people_by_id
from server.policies.service import version_dates
from server.timetable import service as timetable
from server.timetable.schemas import ReasonGiven
from server.timetable.service import LessonView
from server.web.access import OfficeDep
from server.web.dates import moment_words
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import get_settings
from server.web.translations import Translator

router = GuardedRouter(include_in_schema=False)
_CANDIDATES = 20
_PAGE = 50


@router.get("/past-changes")
def past_changes_page(
    request: Request, _: OfficeDep, db: ReadDBDep, page: PageNumber = 1
) -> Response:
    """What was changed, newest first."""
    pager = read_page(
        lambda limit, offset: past.past_changes(db, limit=limit, offset=offset), page, _PAGE
    )
    rows = pager.rows
    changes = stored_changes(rows)
    zone = get_settings(request).zone
    wording = PastWording(db, request_translator(request), zone, changes)
    context = {
        "rows": [(row, wording.text(one)) for row, one in zip(rows, changes, strict=True)],
        "names": actor_names(db, {row.made_by for row in rows}),
        "pager": pager,
    }
    return render(request, "attendance/past_changes.html", context)


@router.get("/past-changes/{kind}")
def past_form_page(
    request: Request,
    kind: PastKind,
    _: OfficeDep,
    db: ReadDBDep,
    form: Annotated[PastLink, Query()],
) -> Response:
    """The form for one kind of change, filled in with what the link to it says."""
    view = _view(db, form)
    filled: PastForm = form
    if kind is PastKind.LESSON and view is not None:
        filled = fill_in(form, view.lesson, zone=get_settings(request).zone)
    return _form(request, db, kind, filled)


@router.post("/past-changes/roster/people")
def search_person(
    request: Request, _: OfficeDep, db: ReadDBDep, form: Annotated[PastForm, Form()]
) -> Response:
    """The form for a roster with the people found; their names stay out of the address."""
    return _form(request, db, PastKind.ROSTER, form)


@router.post("/past-changes/{kind}")
def preview_page(
    request: Request, kind: PastKind, _: OfficeDep, db: DBDep, form: Annotated[PastForm, Form()]
) -> Response:
    """Show every line that would change; nothing is kept."""
    return _preview(request, db, kind, form)


@router.post("/past-changes/{kind}/confirm")
def confirm(
    request: Request,
    kind: PastKind,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[PastForm, Form()],
) -> Response:
    """Make the change as it was previewed, or show the preview again with what is wrong."""
    zone, at = get_settings(request).zone, now()
    try:
        reason = ReasonGiven(reason=form.reason).reason
        change = read_change(db, kind, form, zone=zone, at=at)
        made = Confirmation(principal.actor, reason, form.fingerprint)
        with db.begin_nested():
            past.make(db, change, made, zone=zone, at=at)
    except (ServerError, ValueError) as exc:
        return _preview(request, db, kind, form, exc=exc)
    return see_other("/past-changes")


def _preview(
    request: Request,
    db: Session,
    kind: PastKind,
    form: PastForm,
    *,
    exc: Exception | None = None,
) -> Response:
    zone, at = get_settings(request).zone, now()
    t = request_translator(request)
    try:
        change = read_change(db, kind, form, zone=zone, at=at)
        found = past.preview(db, change, zone=zone, at=at)
    except (ServerError, ValueError) as refused:
        return _form(request, db, kind, form, exc=refused)
    context = _preview_context(found) | {
        "kind": kind,
        "form": form.model_copy(update={"fingerprint": found.fingerprint}),
        "words": PastWording(db, t, zone, [change]).text(change),
        "problem": problem_text(t, exc, invalid="reason"),
        "back": _back(form, change),
    }
    return render(request, "attendance/past_preview.html", context, status_code=400 if exc else 200)


def _preview_context(found: Preview) -> dict[str, Any]:
    def lesson_of(line: LineChange) -> uuid.UUID:
        return line.view.lesson.id

    groups = [list(lines) for _id, lines in groupby(found.lines, key=lesson_of)]
    return {
        "groups": [(lines[0].view, lines) for lines in groups],
        "count": len(found.lines),
        "tones": STATUS_TONES,
    }


def _back(form: PastForm, change: AnyChange) -> str:
    """Return the page that led to the form."""
    match change.kind:
        case "roster":
            return f"/courses/{form.course_id}"
        case "lesson":
            return f"/lessons/{form.lesson_id}"
        case "policy":
            return f"/lessons/{form.lesson_id}" if form.lesson_id else "/past-changes"


def _versions(
    db: Session, t: Translator, zone: ZoneInfo, places: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return the versions of the policy, each with the room or course that it changed."""
    year = datetime.now(zone).year
    found = []
    for one in version_dates(db):
        at = moment_words(one.since, t, zone, this_year=year)
        words = t("past.version_since", version=one.version, at=at)
        if one.scope_id is not None:
            place = places.get(str(one.scope_id), t("past.gone"))
            words = t("past.version_of", version=words, place=place)
        found.append((str(one.version), words))
    return found


def _form(
    request: Request,
    db: Session,
    kind: PastKind,
    form: PastForm,
    *,
    exc: Exception | None = None,
) -> Response:
    t = request_translator(request)
    zone = get_settings(request).zone
    person_id = _id_or_none(form.person_id)
    candidates, total = find_people(db, words=form.q, limit=_CANDIDATES) if form.q else ([], 0)
    courses = {str(one.id): f"{one.code} · {one.title}" for one in timetable.courses(db)}
    rooms = [(str(room.id), room.name) for room in timetable.rooms(db)]
    context = {
        "kind": kind,
        "form": form,
        "problem": problem_text(t, exc),
        "view": _view(db, form),
        "versions": _versions(db, t, zone, dict(rooms) | courses),
        "courses": list(courses.items()),
        "course": courses.get(form.course_id, t("past.gone")),
        "rooms": rooms,
        "person": people_by_id(db, [person_id]).get(person_id) if person_id else None,
        "candidates": candidates,
        "has_more": total > len(candidates),
    }
    return render(request, "attendance/past_form.html", context, status_code=400 if exc else 200)


def _view(db: Session, form: PastForm) -> LessonView | None:
    lesson_id = _id_or_none(form.lesson_id)
    if lesson_id is None:
        return None
    return next(iter(timetable.lesson_views(db, ids=[lesson_id])), None)


def _id_or_none(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
