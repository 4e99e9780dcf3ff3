"""The register of a lesson: live, countable, correctable."""

import uuid
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from server.attendance import service
from server.attendance.access import RegisterDep, refuse_foreign_course, refuse_foreign_lesson
from server.attendance.codes.service import reasons_of
from server.attendance.decisions import corrections, remarks
from server.attendance.decisions.corrections import Word
from server.attendance.file_views import alone_context, files_context, people_without_line
from server.attendance.forms import CorrectionForm, RemarkForm
from server.attendance.register import Judgement, minutes_late, minutes_present
from server.attendance.register_view import (
    RegisterView,
    frame_context,
    live_context,
    offered_reasons,
)
from server.attendance.vouching import vouching_of
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import InvalidError, NotFoundError, ServerError
from server.line_files.service import LineAddress, files_of
from server.timetable.substitutes.service import notes_of
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal, Role
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep
from server.web.translations import Translator

router = GuardedRouter(include_in_schema=False)

#: Scans with an uncertain time that a page lists.
_MOST_DOUBTFUL = 10
_LONGEST_REMARK = 500


@dataclass(frozen=True)
class LineKey:
    """Which line of which register a page is about."""

    lesson_id: uuid.UUID
    person_id: uuid.UUID


LineDep = Annotated[LineKey, Depends()]


@router.get("/lessons/{lesson_id}")
def register_page(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: ReadDBDep,
    settings: SettingsDep,
) -> Response:
    """The register; its live part asks for itself every two seconds."""
    register = service.register_of(db, lesson_id, at=now())
    refuse_foreign_lesson(db, register.view.lesson, principal, settings)
    return register_response(request, db, register, principal)


@router.get("/lessons/{lesson_id}/live")
def live_register(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: ReadDBDep,
    settings: SettingsDep,
    shown: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """The live part alone; 204 where the page shows it already."""
    register = service.register_of(db, lesson_id, at=now())
    refuse_foreign_lesson(db, register.view.lesson, principal, settings)
    context = live_context(db, register, request_translator(request))
    if context["version"] == shown:
        return Response(status_code=204)
    return render(request, "attendance/live.html", context)


@router.get("/lessons/{lesson_id}/people/{person_id}")
def line_page(
    request: Request,
    place: LineDep,
    principal: RegisterDep,
    db: ReadDBDep,
    settings: SettingsDep,
    code: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """One line of the register: how it came about, and the form to correct it.

    Of a student who left the roster: the files, for those who may open them.
    """
    refuse_foreign_course(db, place.lesson_id, principal, settings)
    try:
        context = line_context(db, place, request_translator(request), code_id=code)
    except NotFoundError:
        register = service.register_of(db, place.lesson_id, at=now())
        alone = alone_context(db, register, place.person_id, principal)
        if alone is None:
            raise
        return render(request, "attendance/files_alone.html", alone)
    return render(request, "attendance/line.html", context)


@router.post("/lessons/{lesson_id}/people/{person_id}")
def correct(
    request: Request,
    place: LineDep,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[CorrectionForm, Form()],
) -> Response:
    """Correct the line."""
    refuse_foreign_course(db, place.lesson_id, principal, settings)
    try:
        with db.begin_nested():
            corrections.correct(
                db,
                place.lesson_id,
                person_id=place.person_id,
                word=Word(read_code_id(form.code_id), form.reason),
                made_by=principal.account_id,
                seen=form.seen or None,
            )
    except ServerError as exc:
        t = request_translator(request)
        problem = problem_text(t, exc, area="correction")
        context = line_context(db, place, t) | {"form": form, "problem": problem}
        return render(request, "attendance/line.html", context, status_code=400)
    return see_other(f"/lessons/{place.lesson_id}#line-{place.person_id}")


@router.post("/lessons/{lesson_id}/people/{person_id}/take-back")
def take_back(place: LineDep, principal: RegisterDep, db: DBDep, settings: SettingsDep) -> Response:
    """Let what the kiosks saw count again."""
    refuse_foreign_course(db, place.lesson_id, principal, settings)
    corrections.correct(
        db,
        place.lesson_id,
        person_id=place.person_id,
        word=Word(None),
        made_by=principal.account_id,
    )
    return see_other(f"/lessons/{place.lesson_id}#line-{place.person_id}")


@router.post("/lessons/{lesson_id}/people/{person_id}/remark")
def remark(
    place: LineDep,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[RemarkForm, Form()],
) -> Response:
    """Write a remark about the line in place of the one before."""
    refuse_foreign_course(db, place.lesson_id, principal, settings)
    remarks.set_remark(
        db,
        place.lesson_id,
        person_id=place.person_id,
        text=form.text[:_LONGEST_REMARK],
        made_by=principal.account_id,
    )
    return see_other(f"/lessons/{place.lesson_id}/people/{place.person_id}")


def read_code_id(text: str) -> uuid.UUID:
    """Read the id of a code from a form.

    Raises:
        InvalidError: it is none: nothing was chosen.
    """
    try:
        return uuid.UUID(text)
    except ValueError as exc:
        raise InvalidError("Choose a code.", problem="no_code") from exc


def register_response(
    request: Request,
    db: Session,
    register: service.Register,
    principal: Principal,
    problem: str = "",
) -> Response:
    """Show the register, with what went wrong where something did."""
    t = request_translator(request)
    context = live_context(db, register, t) | _actions(db, register, principal)
    status = 400 if problem else 200
    context |= {
        "problem": problem,
        "without_line": people_without_line(db, register, principal),
    }
    return render(request, "attendance/register.html", context, status_code=status)


def _actions(db: Session, register: service.Register, principal: Principal) -> dict[str, Any]:
    """Return what the account may do with the lesson itself."""
    lesson = register.view.lesson
    notes = notes_of(db, lesson.id)
    may_plan = principal.role in (Role.ADMIN, Role.OFFICE)
    return {
        "may_plan": may_plan,
        "has_started": lesson.starts_at <= now(),
        "may_delete": may_plan and not notes.is_of_pattern and not _has_events(db, register),
        "substitute": notes.substitute,
    }


def _has_events(db: Session, register: service.Register) -> bool:
    # A line that rests on an event, or on a decision, says so without a look at the database.
    is_shown = any(line.mark.event_id or line.mark.is_corrected for line in register.lines)
    return is_shown or service.is_recorded(db, register)


def line_context(
    db: Session, place: LineKey, t: Translator, *, code_id: str = ""
) -> dict[str, Any]:
    """Return what the page of one line shows.

    Args:
        db: the caller's.
        place: which line.
        t: the reader's translator.
        code_id: the code that the form proposes; empty: what the line says.
    """
    register = service.register_of(db, place.lesson_id, at=now())
    view = RegisterView.of(db, register, t)
    line = next(iter(view.lines(place.person_id)), None)
    if line is None:
        raise NotFoundError("This person is not on the register of this lesson.", problem="not_due")
    shown = view.codes.shown_on(line.line.mark)
    form = CorrectionForm(code_id=code_id or (str(shown.id) if shown else ""), seen=line.state)
    return (
        frame_context(db, register, now())
        | {
            "line": line.line,
            "shown": line,
            "codes": view.choices(),
            "derived_look": view.words.look_of(view.codes, _as_derived(line.line.mark)),
            "vouching": vouching_of(db, line.line.mark),
            "history": _history(db, place, view),
            "reasons": offered_reasons(reasons_of(db), t),
            "minutes": minutes_present(line.line.mark, register.window),
            "minutes_late": minutes_late(line.line.mark, register.window),
            "most_doubtful": _MOST_DOUBTFUL,
            "form": form,
            "problem": "",
        }
        | files_context(db, register, files_of(db, LineAddress(place.lesson_id, place.person_id)))
    )


def _as_derived(mark: Judgement) -> Judgement:
    return replace(mark, status=mark.derived, is_corrected=False, code_id=None)


def _history(db: Session, place: LineKey, view: RegisterView) -> list[dict[str, Any]]:
    """Return every correction of a line with its word, newest first."""
    found = []
    for correction, account in service.history_of(db, place.lesson_id, place.person_id):
        code = view.codes.get(correction.code_id)
        if code is None and correction.status is not None:
            code = view.codes.default_of(correction.status)
        word = view.words.name(code) if code else view.words.t("attendance.taken_back")
        found.append({"word": word, "correction": correction, "by": account.display_name})
    return found
