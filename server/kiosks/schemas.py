"""What clients send and get about kiosks."""

import uuid
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints

from server.web.strict import StrictInput

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=500)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class KioskCreate(StrictInput):
    """A new kiosk, to be claimed later."""

    name: Name
    room_id: uuid.UUID


class KioskUpdate(StrictInput):
    """A kiosk's new name."""

    name: Name


class KioskMove(StrictInput):
    """The room a kiosk hangs in from now on."""

    room_id: uuid.UUID


class ClosureCreate(StrictInput):
    """From which date on not to wait for what a kiosk has not reported, and why."""

    from_date: date
    reason: Reason


class ClosureRead(BaseModel):
    """A span of time for which a kiosk is no longer waited for."""

    id: uuid.UUID
    from_at: datetime
    through_at: datetime
    reason: str
    closed_by: str
    closed_at: datetime


class PlacementRead(BaseModel):
    """Where a kiosk hung, from when until when."""

    room_id: uuid.UUID
    from_at: datetime
    until_at: datetime | None


class ClaimCodeRead(BaseModel):
    """A claim code, shown this one time."""

    id: uuid.UUID
    claim_code: str
    expires_at: datetime


class KioskRead(BaseModel):
    """A kiosk as the office sees it."""

    id: uuid.UUID
    name: str
    room_id: uuid.UUID
    room_name: str
    state: str
    is_online: bool
    last_seen_at: datetime | None
    claimed_at: datetime | None
    revoked_at: datetime | None
    stored_through: int
    highest_seq: int
    synced_through: datetime | None
    has_two_devices: bool
    gallery_version: int
    placements: list[PlacementRead]
    status: dict[str, Any] | None
