"""The register for clients, and the endpoint that takes kiosks' events in over HTTP."""

import uuid
from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool

from protocol.v1.fields import MAX_MESSAGE_BYTES
from protocol.v1.messages import Ack
from server.attendance import service
from server.attendance.ingest import take_in
from server.attendance.schemas import (
    CorrectionCreate,
    CorrectionRead,
    RegisterRead,
    RegisterRow,
    WaitingFor,
)
from server.attendance.verification import Delivery
from server.audit.service import record
from server.db.engine import Database
from server.db.session import DatabaseDep, ReadSessionDep, SessionDep
from server.db.types import now
from server.errors import TooLargeError
from server.kiosks.device import DeviceDep
from server.timetable.api import session_read
from server.web.access import require_role
from server.web.principal import Principal, Role
from server.web.state import SettingsDep

router = APIRouter(prefix="/api/v1", tags=["attendance"])
RegisterDep = Annotated[Principal, require_role(Role.OFFICE, Role.TEACHER)]


def register_read(register: service.Register) -> RegisterRead:
    """What clients get to see of a register."""
    return RegisterRead(
        session=session_read(register.view),
        rows=[_row(line) for line in register.lines],
        counts={status.value: count for status, count in register.counts.items()},
        waiting_for=[
            WaitingFor(
                kiosk_id=one.kiosk.id, name=one.kiosk.name, synced_through=one.synced_through
            )
            for one in register.waiting_for
        ],
    )


def _row(line: service.Line) -> RegisterRow:
    return RegisterRow(
        person_id=line.person.id,
        display_name=line.person.display_name,
        student_number=line.person.student_number,
        status=line.mark.status,
        derived_status=line.mark.derived,
        first_seen_at=line.mark.first_seen_at,
        kiosk_id=line.mark.kiosk_id,
        method=line.mark.method,
        is_corrected=line.mark.is_corrected,
        is_clock_doubtful=line.mark.is_clock_doubtful,
    )


@router.get("/sessions/{session_id}/register")
def read_register(
    session_id: uuid.UUID, _: RegisterDep, session: ReadSessionDep, settings: SettingsDep
) -> RegisterRead:
    """The register of a session as of now."""
    return register_read(service.register_of(session, session_id, zone=settings.zone, at=now()))


@router.post("/sessions/{session_id}/corrections", status_code=201)
def correct(
    session_id: uuid.UUID, body: CorrectionCreate, principal: RegisterDep, session: SessionDep
) -> CorrectionRead:
    """Say what somebody's status is, and why; the derived one stays on record."""
    row = service.correct(
        session,
        session_id,
        person_id=body.person_id,
        status=body.status,
        reason=body.reason,
        made_by=principal.account_id,
    )
    record(
        session,
        actor=principal.actor,
        action="attendance.correct",
        subject=f"session:{session_id}",
        details={"person": str(body.person_id), "status": body.status},
    )
    return CorrectionRead(
        id=row.id,
        person_id=row.person_id,
        status=row.status,
        reason=row.reason,
        made_by=row.made_by,
        made_at=row.made_at,
    )


async def _bounded_body(request: Request) -> bytes:
    """Read a body, but never more of it than any honest kiosk sends."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_MESSAGE_BYTES:
            raise TooLargeError(limit_bytes=MAX_MESSAGE_BYTES)
    return bytes(body)


@router.post("/sync/events")
async def sync_events(request: Request, device: DeviceDep, database: DatabaseDep) -> Ack:
    """Take in a batch of attendance events; the answer is the same ack as over MQTT."""
    delivery = Delivery(device.wire_id, await _bounded_body(request))
    return await run_in_threadpool(_take_one_in, database, delivery)


def _take_one_in(database: Database, delivery: Delivery) -> Ack:
    with database.transaction() as session:
        return take_in(session, [delivery], now()).acks[0]
