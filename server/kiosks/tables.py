"""Kiosks, their claim codes, their progress, what each holds, and what each says it erased."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, Index, LargeBinary
from sqlmodel import Field, SQLModel

from protocol.v1.signing import GENESIS_HASH
from server.db.types import new_id, utc_field


class KioskState(StrEnum):
    """Where a kiosk is in its life."""

    NEW = "new"  # made here, not claimed yet
    CLAIMED = "claimed"
    REVOKED = "revoked"  # stays listed, with what it last delivered


class Kiosk(SQLModel, table=True):
    """One device beside one door, and the credentials it was given."""

    __tablename__ = "kiosks"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=80, unique=True)
    room_id: uuid.UUID = Field(foreign_key="rooms.id", index=True)
    state: str = Field(max_length=20, default=KioskState.NEW)
    created_at: datetime = utc_field(default_now=True)
    claimed_at: datetime | None = utc_field(nullable=True)
    revoked_at: datetime | None = utc_field(nullable=True)
    signing_key: str | None = Field(default=None, max_length=44)
    # When this signing key was first claimed; a claim that repeats the key does not move it.
    key_since: datetime | None = utc_field(nullable=True)
    sealing_key: str | None = Field(default=None, max_length=44)
    token_hash: bytes | None = Field(default=None, max_length=32, unique=True)
    # Counts claims: broker password and data key are new with each.
    generation: int = Field(default=0)
    broker_password_key_id: str | None = Field(default=None, max_length=40)
    broker_password: bytes | None = Field(default=None, sa_type=LargeBinary)
    data_key_key_id: str | None = Field(default=None, max_length=40)
    data_key: bytes | None = Field(default=None, sa_type=LargeBinary)
    # Which change was last made to its gallery, and from which state of the school that came.
    gallery_version: int = Field(default=0, sa_type=BigInteger)
    gallery_source: str = Field(default="", max_length=120)
    # A kiosk that asks for what follows an earlier change starts over: it may hold what came after
    # the backup that the database was restored from.
    gallery_floor: int = Field(default=0, sa_type=BigInteger)
    # How it is, by its own word.
    last_seen_at: datetime | None = utc_field(nullable=True)
    is_online: bool = Field(default=False)
    status_at: datetime | None = utc_field(nullable=True)
    status: dict[str, Any] | None = Field(default=None, sa_type=JSON)

    @property
    def wire_id(self) -> str:
        """The id as it travels."""
        return str(self.id)

    @property
    def data_key_id(self) -> str:
        """Which data key seals this kiosk's gallery."""
        return f"{self.id.hex[:12]}-{self.generation}"


class KioskProgress(SQLModel, table=True):
    """How far a kiosk's events have come, and up to when it has told everything."""

    __tablename__ = "kiosk_progress"

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id")
    stored_through: int = Field(default=0, sa_type=BigInteger)
    highest_seq: int = Field(default=0, sa_type=BigInteger)
    highest_hash: str = Field(default=GENESIS_HASH, max_length=64)
    # Every event up to `synced_through` is here; `claimed_*` waits until its events are.
    synced_through: datetime | None = utc_field(nullable=True)
    claimed_through: datetime | None = utc_field(nullable=True)
    claimed_seq: int = Field(default=0, sa_type=BigInteger)
    claimed_head: str | None = Field(default=None, max_length=64)
    last_event_at: datetime | None = utc_field(nullable=True)
    # How many events went to quarantine, and how many did not fit the one before.
    refused: int = Field(default=0)
    torn: int = Field(default=0)
    # The chains that were seen since a first sign of a second one (`server.attendance.forks`),
    # and when it was certain that two devices write in this kiosk's name. A claim clears both.
    chains: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    forked_at: datetime | None = utc_field(nullable=True)


class ReceivedRun(SQLModel, table=True):
    """Sequence numbers in the server's keeping past the first gap, as runs.

    Runs of one kiosk neither overlap nor touch each other or `KioskProgress.stored_through`.
    `opened_at` says since when the numbers right before the run are missing.
    """

    __tablename__ = "received_runs"

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id", ondelete="CASCADE")
    first: int = Field(primary_key=True, sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)
    opened_at: datetime = utc_field()


class LostSpan(SQLModel, table=True):
    """Numbers whose events will not come, and when those events may have happened.

    `missing` of the numbers from `first` to `last` are lost. A kiosk said so in the event
    `event_id`, or in several events (then there is none here), or an admin closed numbers that
    never arrived (then the span is closed already).
    While it is open, lessons that it may have touched call nobody absent.
    """

    __tablename__ = "lost_spans"
    __table_args__ = (Index("ix_lost_spans_kiosk_id_closed_at", "kiosk_id", "closed_at"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kiosk_id: uuid.UUID = Field(foreign_key="kiosks.id")
    first: int = Field(sa_type=BigInteger)
    last: int = Field(sa_type=BigInteger)
    missing: int = Field(sa_type=BigInteger)
    from_at: datetime = utc_field()
    through_at: datetime = utc_field()
    reason: str = Field(max_length=48)
    event_id: uuid.UUID | None = Field(default=None)
    noted_at: datetime = utc_field(default_now=True)
    closed_at: datetime | None = utc_field(nullable=True)
    closed_by: str | None = Field(default=None, max_length=80)
    close_reason: str | None = Field(default=None, max_length=500)


class KioskPlacement(SQLModel, table=True):
    """A kiosk beside one door, from one moment to another. Closed and opened, never overwritten.

    `device_left` says that the device that stood here is gone or lost its claim: what it reported
    by then, `reported_through`, is all that will come. Else the kiosk's progress says how far.
    """

    __tablename__ = "kiosk_placements"
    __table_args__ = (Index("ix_kiosk_placements_room_id_from_at", "room_id", "from_at"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kiosk_id: uuid.UUID = Field(foreign_key="kiosks.id", index=True)
    room_id: uuid.UUID = Field(foreign_key="rooms.id")
    from_at: datetime = utc_field()
    until_at: datetime | None = utc_field(nullable=True)
    opened_by: str = Field(max_length=80)
    closed_by: str | None = Field(default=None, max_length=80)
    device_left: bool = Field(default=False)
    reported_through: datetime | None = utc_field(nullable=True)


class WatermarkClosure(SQLModel, table=True):
    """An admin's decision not to wait for what a kiosk has not reported in a span of time."""

    __tablename__ = "watermark_closures"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    kiosk_id: uuid.UUID = Field(foreign_key="kiosks.id", index=True)
    from_at: datetime = utc_field()
    through_at: datetime = utc_field()
    reason: str = Field(max_length=500)
    closed_by: str = Field(max_length=80)
    closed_at: datetime = utc_field(default_now=True)


class ClaimCode(SQLModel, table=True):
    """A code a technician types into a kiosk, once. Only its hash is kept."""

    __tablename__ = "claim_codes"

    code_hash: bytes = Field(primary_key=True, max_length=32)
    kiosk_id: uuid.UUID = Field(foreign_key="kiosks.id", index=True, ondelete="CASCADE")
    expires_at: datetime = utc_field()
    used_at: datetime | None = utc_field(nullable=True)
    created_by: str = Field(max_length=80)
    created_at: datetime = utc_field(default_now=True)


class KioskClaim(SQLModel, table=True):
    """One claim of a kiosk: the key it bound and the token it gave, from when until when.

    Kept for good: an earlier event is verified with the key of its time, and a token whose claim
    ended is answered with a revocation. A claim from before claims had numbers is number 0.
    """

    __tablename__ = "kiosk_claims"

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id", ondelete="CASCADE")
    number: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    signing_key: str = Field(max_length=44)
    token_hash: bytes | None = Field(default=None, max_length=32, unique=True)
    from_at: datetime = utc_field()
    until_at: datetime | None = utc_field(nullable=True)


class GalleryEntry(SQLModel, table=True):
    """One template in one kiosk's gallery, or its tombstone; `change` orders them."""

    __tablename__ = "gallery_entries"
    __table_args__ = (Index("ix_gallery_entries_kiosk_id_change", "kiosk_id", "change"),)

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id", ondelete="CASCADE")
    template_id: uuid.UUID = Field(primary_key=True)
    person_id: uuid.UUID = Field(index=True)
    change: int = Field(sa_type=BigInteger)
    # None while it belongs in the gallery; else why it had to leave.
    gone: str | None = Field(default=None, max_length=20)
    # The template could not be read when the kiosk asked.
    is_held_back: bool = Field(default=False)


class ServerKey(SQLModel, table=True):
    """One row: the key that commands to kiosks are signed with, encrypted."""

    __tablename__ = "server_keys"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)


class ErasureReceipt(SQLModel, table=True):
    """A kiosk's signed word that a person's data is gone from it."""

    __tablename__ = "erasure_receipts"

    id: uuid.UUID = Field(primary_key=True)
    kiosk_id: uuid.UUID = Field(foreign_key="kiosks.id", index=True)
    person_id: uuid.UUID = Field(index=True)
    erased_at: datetime = utc_field()
    received_at: datetime = utc_field(default_now=True)
    body: str
