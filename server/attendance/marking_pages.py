"""Taps on a register, and actions over several of its lines."""

import uuid
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

from fastapi import Form, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from server.attendance import service
from server.attendance.access import RegisterDep, refuse_foreign_course
from server.attendance.codes.service import reasons_of
from server.attendance.decisions import confirmations, corrections
from server.attendance.decisions.corrections import StaleLineError, Word
from server.attendance.forms import ConfirmForm, EveryoneForm, SeveralForm, TapForm, UndoForm
from server.attendance.pages import LineDep, line_context, read_code_id, register_response
from server.attendance.register_view import (
    RegisterView,
    frame_context,
    live_context,
    offered_reasons,
)
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import InvalidError, ServerError
from server.web.pages import is_htmx, render, request_translator, see_other
from server.web.principal import Principal
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/lessons/{lesson_id}", include_in_schema=False)


class _Tap(NamedTuple):
    person_id: uuid.UUID
    seen: str
    code_id: uuid.UUID


@router.post("/tap")
def tap(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[TapForm, Form()],
) -> Response:
    """Set the code of one line. A tap on what the line no longer says is refused."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    chosen = _tap(form)
    problem = _refused(request, db, lambda: _set(db, lesson_id, chosen, principal))
    register = service.register_of(db, lesson_id, at=now())
    if not is_htmx(request):
        if problem:
            return register_response(request, db, register, principal, problem)
        return see_other(f"/lessons/{lesson_id}#line-{chosen.person_id}")
    context = live_context(db, register, request_translator(request))
    lines = [one for one in context["lines"] if one.line.person.id == chosen.person_id]
    context |= {"lines": lines, "problem": problem}
    return render(request, "attendance/tapped.html", context)


@router.get("/people/{person_id}/menu")
def menu(
    request: Request, place: LineDep, principal: RegisterDep, db: ReadDBDep, settings: SettingsDep
) -> Response:
    """Every code that a line may get."""
    refuse_foreign_course(db, place.lesson_id, principal, settings)
    context = line_context(db, place, request_translator(request))
    return render(request, "attendance/menu.html", context)


@router.post("/everyone-left")
def everyone_left(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[EveryoneForm, Form()],
) -> Response:
    """Set one code on every line that nobody decided about and nothing was seen of."""
    refuse_foreign_course(db, lesson_id, principal, settings)

    def work() -> None:
        word = Word(read_code_id(form.code_id))
        corrections.correct_everyone_left(db, lesson_id, word=word, made_by=principal.account_id)

    return _done(request, db, lesson_id, principal, work)


@router.post("/undo")
def undo(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[UndoForm, Form()],
) -> Response:
    """Undo an action over several lines; lines that were changed since stay as they are."""
    refuse_foreign_course(db, lesson_id, principal, settings)

    def work() -> None:
        corrections.undo(db, lesson_id, _id(form.batch_id), made_by=principal.account_id)

    return _done(request, db, lesson_id, principal, work)


@router.get("/several")
def several_page(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: ReadDBDep,
    settings: SettingsDep,
    pick: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Choose lines, one code and one reason. `pick`: all, or the state of the lines to choose."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    return _several(request, db, lesson_id, {"pick": pick})


@router.post("/several")
def correct_several(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[SeveralForm, Form()],
) -> Response:
    """Set the code on the chosen lines: on all of them or, if one has changed, on none."""
    refuse_foreign_course(db, lesson_id, principal, settings)

    def work() -> None:
        corrections.correct_many(
            db,
            lesson_id,
            seen=_chosen(form),
            word=Word(read_code_id(form.code_id), form.reason),
            made_by=principal.account_id,
        )

    problem = _refused(request, db, work)
    if problem:
        return _several(request, db, lesson_id, {"form": form, "problem": problem})
    return see_other(f"/lessons/{lesson_id}")


@router.get("/confirm")
def confirm_page(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: ReadDBDep,
    settings: SettingsDep,
) -> Response:
    """Name the students that were not seen, before they become absent."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    return _confirm(request, db, lesson_id, "")


@router.post("/confirm")
def confirm(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[ConfirmForm, Form()],
) -> Response:
    """Confirm the register; where others are not seen by now, name them first."""
    refuse_foreign_course(db, lesson_id, principal, settings)

    def work() -> None:
        named = {_id(one) for one in form.not_seen.split()}
        confirmations.confirm(db, lesson_id, named=named, made_by=principal.account_id)

    problem = _refused(request, db, work)
    if problem:
        return _confirm(request, db, lesson_id, problem)
    return see_other(f"/lessons/{lesson_id}")


def _set(db: Session, lesson_id: uuid.UUID, chosen: _Tap, principal: Principal) -> None:
    corrections.correct(
        db,
        lesson_id,
        person_id=chosen.person_id,
        word=Word(chosen.code_id),
        made_by=principal.account_id,
        seen=chosen.seen,
    )


def _done(
    request: Request,
    db: Session,
    lesson_id: uuid.UUID,
    principal: Principal,
    work: Callable[[], None],
) -> Response:
    """Do something to a register and show it, or say on it what is wrong."""
    problem = _refused(request, db, work)
    if not problem:
        return see_other(f"/lessons/{lesson_id}")
    register = service.register_of(db, lesson_id, at=now())
    return register_response(request, db, register, principal, problem)


def _refused(request: Request, db: Session, work: Callable[[], None]) -> str:
    """Do something; return why it was refused, empty where it was not."""
    try:
        with db.begin_nested():
            work()
    except ServerError as exc:
        return problem_text(request_translator(request), exc, area="correction")
    return ""


def _several(
    request: Request, db: Session, lesson_id: uuid.UUID, beside: Mapping[str, Any]
) -> Response:
    t = request_translator(request)
    register = service.register_of(db, lesson_id, at=now())
    view = RegisterView.of(db, register, t)
    form: SeveralForm = beside.get("form", SeveralForm())
    pick: str = beside.get("pick", "")
    lines = view.lines()
    kept = {one.split()[0] for one in form.line if one}
    chosen = {
        one.line.person.id
        for one in lines
        if str(one.line.person.id) in kept or pick in ("all", one.state)
    }
    picks = {one.state: one.look for one in lines}
    context = frame_context(db, register, now()) | {
        "lines": lines,
        "chosen": chosen,
        "picks": picks,
        "codes": view.choices(),
        "reasons": offered_reasons(reasons_of(db), t),
        "form": form,
        "problem": beside.get("problem", ""),
    }
    status = 400 if context["problem"] else 200
    return render(request, "attendance/several.html", context, status_code=status)


def _confirm(request: Request, db: Session, lesson_id: uuid.UUID, problem: str) -> Response:
    register = service.register_of(db, lesson_id, at=now())
    view = RegisterView.of(db, register, request_translator(request))
    named = confirmations.unconfirmed(register)
    context = frame_context(db, register, now()) | {
        "named": named,
        "not_seen": " ".join(str(one.person.id) for one in named.lines),
        "parts": view.parts(),
        "problem": problem,
    }
    status = 400 if problem else 200
    return render(request, "attendance/confirm.html", context, status_code=status)


def _tap(form: TapForm) -> _Tap:
    try:
        person, seen, code = form.tap.split()
        return _Tap(uuid.UUID(person), seen, uuid.UUID(code))
    except ValueError as exc:
        raise InvalidError("Choose a code.", problem="no_code") from exc


def _chosen(form: SeveralForm) -> dict[uuid.UUID, str | None]:
    """Read the chosen lines.

    Raises:
        StaleLineError: one cannot be read: the page was an old one.
    """
    try:
        pairs = [one.split() for one in form.line]
        return {uuid.UUID(person): seen for person, seen in pairs}
    except ValueError as exc:
        raise StaleLineError(problem="stale") from exc


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as exc:
        raise StaleLineError(problem="stale") from exc
