"""The short page of a lesson, shown beside the list of lessons: who is there, by the register."""

import uuid

from fastapi import Request
from starlette.responses import Response

from server.attendance import service
from server.attendance.access import RegisterDep, refuse_foreign_lesson
from server.attendance.register_view import RegisterView, frame_context
from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.timetable.substitutes.service import notes_of
from server.web.pages import render, request_translator
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(include_in_schema=False)


@router.get("/lessons/{lesson_id}/short")
def short_lesson_page(
    request: Request,
    lesson_id: uuid.UUID,
    principal: RegisterDep,
    db: ReadDBDep,
    settings: SettingsDep,
) -> Response:
    """The register to look at; while the lesson runs it asks for itself."""
    register = service.register_of(db, lesson_id, at=now())
    refuse_foreign_lesson(db, register.view.lesson, principal, settings)
    view = RegisterView.of(db, register, request_translator(request))
    is_cancelled = register.view.is_cancelled
    context = frame_context(db, register, now()) | {
        "lines": view.lines(),
        "parts": [] if is_cancelled else view.parts(),
        "substitute": notes_of(db, lesson_id).substitute,
    }
    return render(request, "attendance/short.html", context)
