"""Acceptance tests as JSON, and the endpoints that take reports and drills from kiosks."""

import uuid
from typing import Annotated, Any

from protocol.v1.messages import CommissionReceipt
from server.commissioning import service
from server.commissioning.schemas import (
    CommissioningRead,
    CommissioningStepRead,
    CommissioningSummary,
)
from server.commissioning.tables import CommissioningReport
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.kiosks import service as kiosks
from server.kiosks.device import DeviceDep
from server.web.access import require_role
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/api/v1", tags=["kiosks"])
ViewerDep = Annotated[Principal, require_role(Role.TECHNICIAN, Role.OFFICE, Role.DPO)]


@router.get("/kiosks/{kiosk_id}/commissioning")
def list_commissioning(
    kiosk_id: uuid.UUID, _: ViewerDep, db: ReadDBDep
) -> list[CommissioningSummary]:
    """A kiosk's acceptance tests, newest first; at most 100."""
    kiosks.kiosk_of(db, kiosk_id)
    return [CommissioningSummary(**_summary(row)) for row in service.reports_of(db, kiosk_id)]


@router.get("/kiosks/{kiosk_id}/commissioning/{report_id}")
def read_commissioning(
    kiosk_id: uuid.UUID, report_id: uuid.UUID, _: ViewerDep, db: ReadDBDep
) -> CommissioningRead:
    """One acceptance test with its steps; its signature is checked now."""
    kiosks.kiosk_of(db, kiosk_id)
    found = service.report_of(db, kiosk_id, report_id)
    return CommissioningRead(
        **_summary(found.row),
        software_version=found.report.software_version,
        is_signature_valid=found.is_signed,
        drill_made_at=found.drill and found.drill.made_at,
        drill_received_at=found.drill and found.drill.received_at,
        steps=[CommissioningStepRead(**step.model_dump()) for step in found.report.steps],
    )


@router.post("/kiosk/commissioning")
def take_commissioning(body: dict[str, Any], device: DeviceDep, db: DBDep) -> CommissionReceipt:
    """Keep a kiosk's signed report as it came; the same one twice changes nothing."""
    kiosk = kiosks.kiosk_of(db, device.id, for_update=True)
    return CommissionReceipt(id=str(service.take_report(db, kiosk, body, now())))


@router.post("/kiosk/commissioning/drills")
def take_commissioning_drill(
    body: dict[str, Any], device: DeviceDep, db: DBDep
) -> CommissionReceipt:
    """Note that the message of a kiosk's offline drill came."""
    kiosk = kiosks.kiosk_of(db, device.id, for_update=True)
    return CommissionReceipt(id=str(service.take_drill(db, kiosk, body, now())))


def _summary(row: CommissioningReport) -> dict[str, Any]:
    return {name: getattr(row, name) for name in CommissioningSummary.model_fields}
