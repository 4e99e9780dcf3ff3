"""The register for clients, and the endpoint that takes kiosks' events in over HTTP."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from fastapi import Request
from sqlmodel import Session

from protocol.v1.fields import MAX_MESSAGE_BYTES
from protocol.v1.messages import Ack
from server.attendance import service
from server.attendance.access import RegisterDep, refuse_foreign_course
from server.attendance.codes.code_list import CodeList
from server.attendance.codes.service import codes_of
from server.attendance.decisions.confirmations import changed_since
from server.attendance.decisions.remarks import Notes, notes_of
from server.attendance.earlier import open_earlier, take_in_earlier
from server.attendance.ingest import take_in
from server.attendance.metrics import Transport, count_intake
from server.attendance.register import minutes_late, minutes_present
from server.attendance.schemas import (
    ConfirmationRead,
    DoubtfulScan,
    RegisterRead,
    RegisterRow,
    WaitingFor,
)
from server.attendance.verification import Delivery
from server.attendance.vouching import NOBODY, LineKey, Vouching, vouchings_of
from server.db.dependencies import DatabaseDep, ReadDBDep
from server.db.engine import Database
from server.db.types import now
from server.errors import TooLargeError
from server.kiosks.device import DeviceDep
from server.kiosks.tables import Kiosk
from server.timetable.lesson_read import lesson_read
from server.web.ports import AckSigner
from server.web.routes import GuardedRouter
from server.web.state import PaceDep, SettingsDep, SignerDep
from server.web.threads import ThreadLane, run_in_lane

router = GuardedRouter(prefix="/api/v1", tags=["attendance"])


@dataclass(frozen=True)
class _Beside:
    """What rows say beside their marks."""

    vouched: Mapping[LineKey, Vouching]
    codes: CodeList
    notes: Notes


def register_read(db: Session, register: service.Register) -> RegisterRead:
    """What clients get to see of a register."""
    beside = _Beside(
        vouchings_of(db, (line.mark for line in register.lines)),
        codes_of(db),
        notes_of(db, register.view.lesson.id),
    )
    return RegisterRead(
        lesson=lesson_read(register.view),
        policy_version=register.policy_version,
        rows=[_row(line, register, beside) for line in register.lines],
        attended=register.attended,
        confirmation=_confirmation(register, beside.codes),
        counts={status.value: count for status, count in register.counts.items()},
        waiting_for=[
            WaitingFor(
                kiosk_id=one.kiosk.id,
                name=one.kiosk.name,
                synced_through=one.synced_through,
                lost_events=one.lost_events,
                lost_since=one.lost_since,
                has_two_devices=one.is_forked,
            )
            for one in register.waiting_for
        ],
    )


def _key(line: service.RegisterLine) -> LineKey:
    return line.mark.kiosk_id, line.mark.event_id


def _confirmation(register: service.Register, codes: CodeList) -> ConfirmationRead | None:
    if register.confirmation is None:
        return None
    return ConfirmationRead(
        made_by=register.confirmation.by,
        made_at=register.confirmation.made_at,
        changed=[one.person_id for one in changed_since(register, codes)],
    )


def _row(line: service.RegisterLine, register: service.Register, beside: _Beside) -> RegisterRow:
    vouching = beside.vouched.get(_key(line), NOBODY)
    shown = beside.codes.shown_on(line.mark)
    return RegisterRow(
        person_id=line.person.id,
        display_name=line.person.display_name,
        student_number=line.person.student_number,
        status=line.mark.status,
        derived_status=line.mark.derived,
        code_id=shown.id if shown else None,
        is_attended=line.mark.is_attended,
        state=beside.codes.state_of(line.mark),
        remark=beside.notes.remarks.get(line.person.id, ""),
        files=beside.notes.files.get(line.person.id, 0),
        minutes_present=minutes_present(line.mark, register.window),
        minutes_late=minutes_late(line.mark, register.window),
        first_seen_at=line.mark.first_seen_at,
        shown_status=line.mark.shown_status,
        kiosk_id=line.mark.kiosk_id,
        method=line.mark.method,
        left_at=line.mark.left_at,
        left_early_min=line.mark.left_early_min,
        reported=line.mark.reported,
        is_corrected=line.mark.is_corrected,
        is_clock_doubtful=line.mark.is_clock_doubtful,
        stated_at=line.mark.stated_at,
        doubtful=[
            DoubtfulScan(
                event_id=one.event_id,
                kiosk_id=one.kiosk_id,
                occurred_at=one.occurred_at,
                not_before=one.not_before,
                received_at=one.received_at,
            )
            for one in line.mark.doubtful
        ],
        replays=len(line.mark.replays),
        second_factor=vouching.second or None,
        teacher=vouching.teacher or None,
    )


@router.get("/lessons/{lesson_id}/register")
def read_register(
    lesson_id: uuid.UUID, principal: RegisterDep, db: ReadDBDep, settings: SettingsDep
) -> RegisterRead:
    """The register of a lesson as of now; for teachers those of their own courses."""
    refuse_foreign_course(db, lesson_id, principal, settings)
    return register_read(db, service.register_of(db, lesson_id, at=now()))


async def _bounded_body(request: Request) -> bytes:
    """Read a body, but never more of it than any honest kiosk sends."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MAX_MESSAGE_BYTES:
            raise TooLargeError(limit_bytes=MAX_MESSAGE_BYTES)
    return bytes(body)


@router.post("/sync/events")
async def sync_events(
    request: Request, device: DeviceDep, database: DatabaseDep, signer: SignerDep, pace: PaceDep
) -> Ack:
    """Take in a batch of attendance events; the answer is the same ack as over MQTT.

    429 where the kiosk is over its rate: it sends the batch again after `Retry-After`.
    """
    delivery = Delivery(device.wire_id, await _bounded_body(request))
    pace.take(device.wire_id, delivery.payload)
    work = partial(_take_one_in, database, signer, delivery)
    return await run_in_lane(ThreadLane.DEVICES, work)


@router.post("/sync/earlier-events")
async def sync_earlier_events(
    request: Request, device: DeviceDep, database: DatabaseDep, signer: SignerDep, pace: PaceDep
) -> Ack:
    """Take in a batch that a device recorded under an earlier identity or with an earlier key.

    The ack is for the identity that the batch names. 429 as for the device's own events.
    """
    payload = await _bounded_body(request)
    pace.take(device.wire_id, payload)
    work = partial(_take_earlier_in, database, signer, device, payload)
    return await run_in_lane(ThreadLane.DEVICES, work)


def _take_earlier_in(database: Database, signer: AckSigner, device: Kiosk, payload: bytes) -> Ack:
    signer.key()  # before the commit: what is committed can be acknowledged
    delivery, batch = open_earlier(payload)
    with database.transaction() as db:
        intake = take_in_earlier(db, delivery, batch, by=device, at=now())
    count_intake(intake, Transport.HTTP)
    return signer.sign_ack(intake.acks[0])


def _take_one_in(database: Database, signer: AckSigner, delivery: Delivery) -> Ack:
    with database.transaction() as db:
        intake = take_in(db, [delivery], now())
    count_intake(intake, Transport.HTTP)
    return signer.sign_ack(intake.acks[0])
