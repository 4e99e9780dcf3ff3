"""Kiosks for the office, and the device API that kiosks themselves call."""

import uuid
from collections.abc import Sequence
from typing import Annotated

from fastapi import Depends, Query
from sqlmodel import Session
from starlette.responses import Response

from protocol.v1.messages import (
    Erasure,
    GalleryPage,
    Message,
)
from protocol.v1.sync import MAX_PAGE_ENTRIES
from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.db.types import now
from server.kiosks import claiming, placements, service
from server.kiosks.device import DeviceDep
from server.kiosks.gallery import etag_of
from server.kiosks.gallery_pages import PageRequest, current_page
from server.kiosks.presence import is_online
from server.kiosks.schemas import (
    ClaimCodeRead,
    ClosureCreate,
    ClosureRead,
    KioskCreate,
    KioskMove,
    KioskRead,
    KioskUpdate,
    PlacementRead,
)
from server.kiosks.tables import KioskPlacement, WatermarkClosure
from server.timetable.local_time import midnight
from server.web.access import AdminDep, require_role
from server.web.etags import IfNoneMatch, is_known
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import ConfigurationsDep, SettingsDep, VaultDep

router = GuardedRouter(prefix="/api/v1", tags=["kiosks"])
TechnicianDep = Annotated[Principal, require_role(Role.TECHNICIAN)]
_PRIVATE = {"Cache-Control": "private, no-cache"}
ViewerDep = Annotated[Principal, require_role(Role.TECHNICIAN, Role.OFFICE, Role.DPO)]


def kiosk_read(view: service.KioskView, hung: Sequence[KioskPlacement] = ()) -> KioskRead:
    """Return what clients get to see of a kiosk; `hung` is where it was, newest first."""
    kiosk, progress = view.kiosk, view.progress
    return KioskRead(
        id=kiosk.id,
        name=kiosk.name,
        room_id=view.room.id,
        room_name=view.room.name,
        state=kiosk.state,
        is_online=is_online(kiosk, now()),
        last_seen_at=kiosk.last_seen_at,
        claimed_at=kiosk.claimed_at,
        revoked_at=kiosk.revoked_at,
        stored_through=progress.stored_through,
        highest_seq=progress.highest_seq,
        synced_through=progress.synced_through,
        has_two_devices=progress.forked_at is not None,
        gallery_version=kiosk.gallery_version,
        placements=[
            PlacementRead(room_id=one.room_id, from_at=one.from_at, until_at=one.until_at)
            for one in hung
        ],
        status=kiosk.status,
    )


@router.post("/kiosks", status_code=201)
def create_kiosk(body: KioskCreate, principal: TechnicianDep, db: DBDep) -> ClaimCodeRead:
    """Add a kiosk; the answer holds its claim code, which is shown this one time."""
    kiosk = service.create_kiosk(db, name=body.name, room_id=body.room_id, actor=principal.actor)
    code, expires_at = claiming.issue_code(db, kiosk, actor=principal.actor, at=now())
    return ClaimCodeRead(id=kiosk.id, claim_code=code, expires_at=expires_at)


@router.get("/kiosks")
def list_kiosks(_: ViewerDep, db: ReadDBDep) -> list[KioskRead]:
    """Every kiosk, by name."""
    return [kiosk_read(view) for view in service.kiosk_views(db)]


@router.get("/kiosks/{kiosk_id}")
def read_kiosk(kiosk_id: uuid.UUID, _: ViewerDep, db: ReadDBDep) -> KioskRead:
    """One kiosk, with where it hung."""
    return _with_placements(db, kiosk_id)


@router.patch("/kiosks/{kiosk_id}")
def rename_kiosk(
    kiosk_id: uuid.UUID, body: KioskUpdate, principal: TechnicianDep, db: DBDep
) -> KioskRead:
    """Give a kiosk another name."""
    service.rename_kiosk(db, kiosk_id, body.name, actor=principal.actor)
    return _with_placements(db, kiosk_id)


@router.post("/kiosks/{kiosk_id}/move")
def move_kiosk(
    kiosk_id: uuid.UUID, body: KioskMove, principal: TechnicianDep, db: DBDep
) -> KioskRead:
    """Hang the kiosk in another room from now on; registers of the past stay as they are."""
    kiosk = service.kiosk_of(db, kiosk_id, for_update=True)
    placements.move(db, kiosk, room_id=body.room_id, actor=principal.actor, at=now())
    return _with_placements(db, kiosk_id)


@router.get("/kiosks/{kiosk_id}/watermark-closures")
def list_closures(kiosk_id: uuid.UUID, _: ViewerDep, db: ReadDBDep) -> list[ClosureRead]:
    """For which spans of time the kiosk is no longer waited for, newest first."""
    service.kiosk_of(db, kiosk_id)
    return [_closure_read(row) for row in placements.closures_of(db, [kiosk_id])]


@router.post("/kiosks/{kiosk_id}/watermark-closures", status_code=201)
def close_watermark(
    kiosk_id: uuid.UUID,
    body: ClosureCreate,
    principal: AdminDep,
    db: DBDep,
    settings: SettingsDep,
) -> ClosureRead:
    """Stop waiting for what the kiosk has not reported from a date until now."""
    kiosk = service.kiosk_of(db, kiosk_id, for_update=True)
    row = placements.close_watermark(
        db,
        kiosk,
        from_at=midnight(body.from_date, settings.zone),
        reason=body.reason,
        actor=principal.actor,
        at=now(),
    )
    return _closure_read(row)


@router.post("/kiosks/{kiosk_id}/claim-codes", status_code=201)
def new_claim_code(kiosk_id: uuid.UUID, principal: TechnicianDep, db: DBDep) -> ClaimCodeRead:
    """Make a new claim code; older ones of this kiosk stop working."""
    kiosk = service.kiosk_of(db, kiosk_id, for_update=True)
    code, expires_at = claiming.issue_code(db, kiosk, actor=principal.actor, at=now())
    return ClaimCodeRead(id=kiosk.id, claim_code=code, expires_at=expires_at)


@router.post("/kiosks/{kiosk_id}/revoke")
def revoke_kiosk(kiosk_id: uuid.UUID, principal: TechnicianDep, db: DBDep) -> KioskRead:
    """Take the kiosk's token, broker account and data key away; it stays listed."""
    kiosk = service.kiosk_of(db, kiosk_id, for_update=True)
    claiming.revoke(db, kiosk, actor=principal.actor, at=now())
    db.flush()
    return _with_placements(db, kiosk_id)


def _with_placements(db: Session, kiosk_id: uuid.UUID) -> KioskRead:
    return kiosk_read(service.kiosk_view(db, kiosk_id), placements.placements_of(db, kiosk_id))


def _closure_read(row: WatermarkClosure) -> ClosureRead:
    return ClosureRead(
        id=row.id,
        from_at=row.from_at,
        through_at=row.through_at,
        reason=row.reason,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
    )


async def _page_asked(
    device: DeviceDep,
    since: Annotated[int, Query(ge=0, le=2**53)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE_ENTRIES)] = 200,
) -> PageRequest:
    return PageRequest(device.id, since, limit, now())


@router.get("/sync/gallery", response_model=GalleryPage)
def sync_gallery(
    asked: Annotated[PageRequest, Depends(_page_asked)],
    database: DatabaseDep,
    settings: SettingsDep,
    vault: VaultDep,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Changes to this kiosk's gallery after a change number; 304 where it knows there are none."""
    page = current_page(database, vault, settings.zone, asked)
    return _unless_known(page, etag_of(page, asked.kiosk_id), if_none_match)


@router.get("/sync/config", response_model=None)
def sync_config(
    device: DeviceDep,
    db: ReadDBDep,
    configurations: ConfigurationsDep,
    if_none_match: IfNoneMatch = "",
) -> Response:
    """Policy, the next 7 days of the kiosk's room, and names; 304 where nothing changed."""
    at = now()
    known = configurations.unchanged(db, device, at) if if_none_match else None
    if known is not None and is_known(f'"{known}"', if_none_match):
        return _still_the_same(f'"{known}"')
    document = configurations.build(db, device, at)
    return _unless_known(document, f'"{document.version}"', if_none_match)


def _unless_known(message: Message, etag: str | None, if_none_match: str) -> Response:
    if etag is not None and is_known(etag, if_none_match):
        return _still_the_same(etag)
    headers = _PRIVATE | ({"ETag": etag} if etag else {})
    return Response(message.to_json(), media_type="application/json", headers=headers)


def _still_the_same(etag: str) -> Response:
    return Response(status_code=304, headers=_PRIVATE | {"ETag": etag})


@router.post("/sync/erasures", status_code=204)
def sync_erasure(body: Erasure, device: DeviceDep, db: DBDep) -> None:
    """Take in a kiosk's signed word that a person's data is gone from it."""
    kiosk = service.kiosk_of(db, device.id)
    service.take_erasure(db, kiosk, body, now())
