"""What clients send and get about kiosks."""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, StringConstraints

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=80)]


class KioskCreate(BaseModel):
    """A new kiosk, to be claimed later."""

    name: Name
    room_id: uuid.UUID


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
    gallery_version: int
    status: dict[str, Any] | None
