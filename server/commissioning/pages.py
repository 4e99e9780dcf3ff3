"""The page "Commissioning of a kiosk": one report, and the list of all of them."""

import uuid
from typing import Annotated

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from protocol.v1.messages import CommissionStep
from server.commissioning import service
from server.db.dependencies import ReadDBDep
from server.kiosks.service import kiosk_view
from server.web.access import require_role
from server.web.pages import render, request_translator
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.translations import Translator

router = GuardedRouter(include_in_schema=False)
ViewerDep = Annotated[Principal, require_role(Role.TECHNICIAN, Role.OFFICE, Role.DPO)]
_TONES = {"passed": ("ok", "check"), "failed": ("bad", "warning")}


@router.get("/kiosks/{kiosk_id}/commissioning")
def commissioning_page(
    request: Request, kiosk_id: uuid.UUID, _: ViewerDep, db: ReadDBDep
) -> Response:
    """Show the newest report, and the older ones below it."""
    return _page(request, db, kiosk_id, None)


@router.get("/kiosks/{kiosk_id}/commissioning/{report_id}")
def commissioning_report_page(
    request: Request, kiosk_id: uuid.UUID, report_id: uuid.UUID, _: ViewerDep, db: ReadDBDep
) -> Response:
    """Show one report, and the others below it."""
    return _page(request, db, kiosk_id, report_id)


def _page(
    request: Request, db: Session, kiosk_id: uuid.UUID, report_id: uuid.UUID | None
) -> Response:
    t, view = request_translator(request), kiosk_view(db, kiosk_id)
    rows = service.reports_of(db, kiosk_id)
    shown = None
    if report_id is not None:
        shown = service.report_of(db, kiosk_id, report_id)
    elif rows:
        shown = service.read_row(db, rows[0])
    context = {
        "view": view,
        "shown": shown,
        "steps": [] if shown is None else [step_line(step, t) for step in shown.report.steps],
        "others": [row for row in rows if shown is None or row.id != shown.row.id],
    }
    return render(request, "commissioning/report.html", context)


def step_line(step: CommissionStep, t: Translator) -> dict[str, object]:
    """Return one step in words; what a newer kiosk says is shown as it stands."""
    tone, symbol = _TONES.get(step.outcome, ("quiet", "clock"))
    text = step.text.in_language(t.language)
    found = text or step.text
    reason = t.or_else(f"commissioning.reason.{step.reason}", step.reason) if step.reason else ""
    return {
        "name": t.or_else(f"commissioning.step.{step.name}", step.name),
        "outcome": t.or_else(f"commissioning.outcome.{step.outcome}", step.outcome),
        "tone": tone,
        "icon": symbol,
        "at": step.at,
        "is_translated": text is not None,
        "problem": found.words,
        "fix": found.fix,
        "reason": reason,
        "measures": [
            (t.or_else(f"commissioning.measure.{name}", name), f"{value:g}")
            for name, value in step.measures.items()
        ],
    }
