"""Pages that add, edit, cancel, restore and delete lessons.

They lie beside the register, because what may be deleted depends on what was recorded.
"""

import uuid
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.attendance import service as attendance
from server.attendance.forms import ReasonForm
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.timetable import lessons, service
from server.timetable.forms import LessonForm
from server.timetable.lessons import DoubleBookingError
from server.timetable.schemas import ReasonGiven
from server.timetable.service import LessonView
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(include_in_schema=False)
_USUAL_LENGTH = timedelta(minutes=45)


@router.get("/lessons/new")
def new_lesson_page(
    request: Request, _: OfficeDep, db: ReadDBDep, settings: SettingsDep
) -> Response:
    """The form for a lesson; it proposes the next full hour."""
    start = now().astimezone(settings.zone).replace(minute=0, second=0) + timedelta(hours=1)
    form = LessonForm(
        day=start.date().isoformat(),
        starts=f"{start:%H:%M}",
        ends=f"{start + _USUAL_LENGTH:%H:%M}",
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
                db, plan, zone=settings.zone, at=now(), actor=principal.actor
            )
    except (ServerError, ValueError) as exc:
        return _lesson_form(request, db, form, exc=exc)
    return see_other(f"/lessons/{added.id}")


@router.get("/lessons/{lesson_id}/edit")
def edit_lesson_page(
    request: Request, lesson_id: uuid.UUID, _: OfficeDep, db: ReadDBDep, settings: SettingsDep
) -> Response:
    """The form with what the lesson is; one that has started leads to the form for the past."""
    view = service.lesson_view(db, lesson_id)
    if view.lesson.starts_at <= now():
        return see_other(f"/past-changes/lesson?lesson_id={lesson_id}")
    return _lesson_form(request, db, LessonForm.of(view.lesson, settings.zone), view=view)


@router.post("/lessons/{lesson_id}/edit")
def edit_lesson(
    request: Request,
    lesson_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[LessonForm, Form()],
) -> Response:
    """Change the lesson, or show the form again with what is wrong."""
    view = service.lesson_view(db, lesson_id)
    try:
        plan = form.plan(settings.zone)
        with db.begin_nested():
            lessons.change_lesson(
                db,
                lesson_id,
                plan,
                zone=settings.zone,
                at=now(),
                actor=principal.actor,
            )
    except (ServerError, ValueError) as exc:
        return _lesson_form(request, db, form, view=view, exc=exc)
    return see_other(f"/lessons/{lesson_id}")


@router.get("/lessons/{lesson_id}/cancel")
def cancel_page(request: Request, lesson_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """Ask why the lesson is cancelled."""
    return _reason_form(request, db, lesson_id, "cancel")


@router.post("/lessons/{lesson_id}/cancel")
def cancel_lesson(
    request: Request,
    lesson_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[ReasonForm, Form()],
) -> Response:
    """Cancel the lesson: its lines stay but no longer count."""
    try:
        reason = ReasonGiven(reason=form.reason).reason
        with db.begin_nested():
            lessons.cancel_lesson(db, lesson_id, reason=reason, actor=principal.actor, at=now())
    except (ServerError, ValueError) as exc:
        return _reason_form(request, db, lesson_id, "cancel", form=form, exc=exc)
    return see_other(f"/lessons/{lesson_id}")


@router.get("/lessons/{lesson_id}/restore")
def restore_page(request: Request, lesson_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """Ask why the lesson counts again."""
    return _reason_form(request, db, lesson_id, "restore")


@router.post("/lessons/{lesson_id}/restore")
def restore_lesson(
    request: Request,
    lesson_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[ReasonForm, Form()],
) -> Response:
    """Let the cancelled lesson count again."""
    try:
        reason = ReasonGiven(reason=form.reason).reason
        with db.begin_nested():
            lessons.restore_lesson(db, lesson_id, reason=reason, actor=principal.actor, at=now())
    except (ServerError, ValueError) as exc:
        return _reason_form(request, db, lesson_id, "restore", form=form, exc=exc)
    return see_other(f"/lessons/{lesson_id}")


@router.get("/lessons/{lesson_id}/delete")
def delete_page(request: Request, lesson_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """Ask before the lesson is deleted."""
    return _delete_form(request, db, lesson_id)


@router.post("/lessons/{lesson_id}/delete")
def delete_lesson(
    request: Request,
    lesson_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> Response:
    """Delete a lesson for which nothing was recorded, and go back to its week."""
    day = service.lesson_view(db, lesson_id).lesson.starts_at.astimezone(settings.zone).date()
    try:
        with db.begin_nested():
            attendance.delete_lesson(db, lesson_id, actor=principal.actor)
    except ServerError as exc:
        return _delete_form(request, db, lesson_id, exc=exc)
    return see_other(f"/lessons?day={day.isoformat()}")


def _lesson_form(
    request: Request,
    db: Session,
    form: LessonForm,
    *,
    view: LessonView | None = None,
    exc: Exception | None = None,
) -> Response:
    context: dict[str, Any] = {
        "form": form,
        "view": view,
        "problem": problem_text(request_translator(request), exc),
        "asks_about_double": isinstance(exc, DoubleBookingError),
        "courses": [(str(one.id), f"{one.code} · {one.title}") for one in service.courses(db)],
        "rooms": [(str(room.id), room.name) for room in service.rooms(db)],
    }
    return render(request, "attendance/lesson.html", context, status_code=400 if exc else 200)


def _reason_form(
    request: Request,
    db: Session,
    lesson_id: uuid.UUID,
    action: str,
    *,
    form: ReasonForm | None = None,
    exc: Exception | None = None,
) -> Response:
    t = request_translator(request)
    context = {
        "view": service.lesson_view(db, lesson_id),
        "action": action,
        "form": form or ReasonForm(),
        "problem": problem_text(t, exc, invalid="reason"),
    }
    template = "attendance/lesson_reason.html"
    return render(request, template, context, status_code=400 if exc else 200)


def _delete_form(
    request: Request, db: Session, lesson_id: uuid.UUID, *, exc: Exception | None = None
) -> Response:
    context = {
        "view": service.lesson_view(db, lesson_id),
        "has_events": attendance.has_events(db, lesson_id),
        "problem": problem_text(request_translator(request), exc),
    }
    template = "attendance/lesson_delete.html"
    return render(request, template, context, status_code=400 if exc else 200)
