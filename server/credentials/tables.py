"""PINs, cards, links and their keys; which kiosk holds whose PIN; and which codes were used."""

import uuid
from datetime import datetime

from sqlalchemy import Index, LargeBinary
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class CredentialKey(SQLModel, table=True):
    """A secret of the school that credentials rest on, encrypted; made on first use."""

    __tablename__ = "credential_keys"

    name: str = Field(max_length=20, primary_key=True)
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)


class CredentialVersion(SQLModel, table=True):
    """One row: a number that grows with every change that kiosks must hear of."""

    __tablename__ = "credential_versions"

    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    version: int = Field(default=0)


class Pin(SQLModel, table=True):
    """The PIN of a person or an account, encrypted so that it can be shown and printed.

    `data` is the PIN and what Argon2id made of it; `lookup_hash` keeps PINs unique.
    """

    __tablename__ = "pins"

    holder_kind: str = Field(max_length=20, primary_key=True)
    holder_id: uuid.UUID = Field(primary_key=True)
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)
    lookup_hash: bytes = Field(max_length=32, unique=True)
    issued_at: datetime = utc_field(default_now=True)
    handed_out_at: datetime | None = utc_field(nullable=True)


class Card(SQLModel, table=True):
    """A card, by the keyed hash of its number. The number itself is kept nowhere."""

    __tablename__ = "cards"
    __table_args__ = (Index("ix_cards_holder_id", "holder_id"),)

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    holder_kind: str = Field(max_length=20)
    holder_id: uuid.UUID
    kind: str = Field(max_length=20)
    hash: str = Field(max_length=64, unique=True)
    label: str = Field(max_length=20)  # the last characters, to tell one's cards apart
    added_at: datetime = utc_field(default_now=True)


class OwnLink(SQLModel, table=True):
    """The link to a holder's page with the code for the phone. Only the hash of its token is kept.

    A person may have the page open on several devices; a new link ends the one before.
    """

    __tablename__ = "own_links"

    holder_kind: str = Field(max_length=20, primary_key=True)
    holder_id: uuid.UUID = Field(primary_key=True)
    token_hash: bytes = Field(max_length=32, unique=True)
    made_at: datetime = utc_field(default_now=True)


class KioskPinKey(SQLModel, table=True):
    """The key under which one kiosk holds PINs, encrypted; new with each claim."""

    __tablename__ = "kiosk_pin_keys"

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id")
    generation: int
    key_id: str = Field(max_length=40)
    data: bytes = Field(sa_type=LargeBinary)


class HeldPin(SQLModel, table=True):
    """A kiosk was given what it needs to check this PIN: when it is revoked, the PIN is renewed."""

    __tablename__ = "held_pins"

    kiosk_id: uuid.UUID = Field(primary_key=True, foreign_key="kiosks.id")
    holder_kind: str = Field(max_length=20, primary_key=True)
    holder_id: uuid.UUID = Field(primary_key=True)


class CodeUse(SQLModel, table=True):
    """A code of a phone that a kiosk accepted. Two kiosks with one code: a replay."""

    __tablename__ = "code_uses"
    __table_args__ = (
        Index("ix_code_uses_event_id", "event_id", "kiosk_id"),
        Index("ix_code_uses_received_at", "received_at"),
        Index("ix_code_uses_counted_at", "counted_at"),
    )

    code_id: str = Field(max_length=64, primary_key=True)
    kiosk_id: uuid.UUID = Field(primary_key=True)
    event_id: uuid.UUID = Field(primary_key=True)
    person_id: uuid.UUID | None = Field(default=None)
    counted_at: datetime = utc_field()
    received_at: datetime = utc_field()
