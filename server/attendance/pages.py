"""The register of a lesson: live, countable, correctable."""

import hashlib
import uuid
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Form, Query, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.accounts.names import actor_names
from server.attendance import service
from server.attendance.access import RegisterDep, refuse_foreign_course, refuse_foreign_lesson
from server.attendance.forms import CorrectionForm
from server.attendance.register import CORRECTABLE, AttendanceStatus
from server.attendance.schemas import CorrectionCreate
from server.attendance.today import is_running
from server.attendance.vouching import vouching_of
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import NotFoundError, ServerError
from server.timetable.substitutes.service import notes_of
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal, Role
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(include_in_schema=False)

#: Colour and symbol of each status; the word stands beside them.
TONES = {
    AttendanceStatus.PRESENT: ("ok", "check"),
    AttendanceStatus.LATE: ("warn", "clock"),
    AttendanceStatus.EXPECTED: ("quiet", "lesson"),
    AttendanceStatus.ABSENT: ("bad", "cross"),
    AttendanceStatus.PENDING: ("info", "clock"),
    AttendanceStatus.EXCUSED: ("quiet", "shield"),
}


#: Scans with an uncertain time that a page lists.
_MOST_DOUBTFUL = 10


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
    context = _context(db, register) | _actions(db, register, principal)
    return render(request, "attendance/register.html", context)


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
    context = _context(db, register)
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
) -> Response:
    """One line of the register: how it came about, and the form to correct it."""
    refuse_foreign_course(db, place.lesson_id, principal, settings)
    return render(request, "attendance/line.html", _line_context(db, place))


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
        body = CorrectionCreate.model_validate(form.model_dump() | {"person_id": place.person_id})
        service.correct(
            db,
            place.lesson_id,
            person_id=place.person_id,
            status=body.status,
            reason=body.reason,
            made_by=principal.account_id,
        )
    except (ServerError, ValidationError) as exc:
        t = request_translator(request)
        problem = (
            problem_text(t, exc, area="correction")
            if isinstance(exc, ServerError)
            else t("attendance.problem.reason")
        )
        context = _line_context(db, place) | {"form": form, "problem": problem}
        return render(request, "attendance/line.html", context, status_code=400)
    return see_other(f"/lessons/{place.lesson_id}")


def _context(db: Session, register: service.Register) -> dict[str, Any]:
    at = now()
    cancellation = register.view.cancellation
    context: dict[str, Any] = {
        "register": register,
        "tones": TONES,
        "is_running": is_running(register, at),
        "is_over": at >= register.window.judged_at,
        "kiosk_names": {one.kiosk.id: one.kiosk.name for one in register.kiosks},
        "names": actor_names(db, [cancellation.cancelled_by if cancellation else None]),
    }
    shown = repr(
        (
            [(line.mark, line.person.display_name) for line in register.lines],
            [
                (one.kiosk.id, one.synced_through, one.lost_events, one.is_forked)
                for one in register.waiting_for
            ],
            context["is_running"],
            context["is_over"],
            register.policy_version,
            cancellation.id if cancellation else None,
        )
    )
    return context | {"version": hashlib.sha256(shown.encode()).hexdigest()[:16]}


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


def _line_context(db: Session, place: LineKey) -> dict[str, Any]:
    register = service.register_of(db, place.lesson_id, at=now())
    line = next((one for one in register.lines if one.person.id == place.person_id), None)
    if line is None:
        raise NotFoundError("This person is not on the register of this lesson.", problem="not_due")
    context = _context(db, register)
    return context | {
        "line": line,
        "vouching": vouching_of(db, line.mark),
        "history": service.history_of(db, place.lesson_id, place.person_id),
        "choices": CORRECTABLE,
        "most_doubtful": _MOST_DOUBTFUL,
        "form": CorrectionForm(status=line.mark.status),
        "problem": "",
    }
