"""API tokens. Only their digests are here."""

import uuid
from datetime import date, datetime

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class APIToken(SQLModel, table=True):
    """A token of an account.

    It is dead once it was revoked or has expired, and where the account's `tokens_from` is later.
    """

    __tablename__ = "api_tokens"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    account_id: uuid.UUID = Field(foreign_key="accounts.id", index=True, ondelete="CASCADE")
    token_hash: bytes = Field(unique=True, max_length=32)
    name: str = Field(max_length=80)
    scopes: list[str] = Field(sa_type=JSON)
    created_at: datetime = utc_field(default_now=True)
    expires_at: datetime = utc_field(index=True)
    revoked_at: datetime | None = utc_field(nullable=True)
    last_used_on: date | None = Field(default=None)  # the school's day; None: never used
