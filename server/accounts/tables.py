"""Accounts, their sign-ins, and the throttle against guessing."""

import uuid
from datetime import datetime

from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class Account(SQLModel, table=True):
    """The account of a person who may sign in."""

    __tablename__ = "accounts"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    username: str = Field(max_length=64, unique=True)  # normalised: trimmed, lower case
    display_name: str = Field(max_length=120)
    role: str = Field(max_length=20)
    password_hash: str = Field(max_length=200)
    must_change_password: bool = Field(default=False)
    is_active: bool = Field(default=True)
    created_at: datetime = utc_field(default_now=True)
    last_sign_in_at: datetime | None = utc_field(nullable=True)


class SignIn(SQLModel, table=True):
    """One sign-in in a browser. The cookie holds a token; only its hash is here."""

    __tablename__ = "sign_ins"

    token_hash: bytes = Field(primary_key=True, max_length=32)
    account_id: uuid.UUID = Field(foreign_key="accounts.id", index=True, ondelete="CASCADE")
    created_at: datetime = utc_field(default_now=True)
    last_seen_at: datetime = utc_field(default_now=True)
    expires_at: datetime = utc_field(index=True)


class SignInThrottle(SQLModel, table=True):
    """Failed sign-ins by name, kept whether the name exists or not, so that it tells nobody."""

    __tablename__ = "sign_in_throttles"

    name_hash: bytes = Field(primary_key=True, max_length=32)
    failures: int = Field(default=0)
    last_failure_at: datetime = utc_field(default_now=True)
    locked_until: datetime | None = utc_field(nullable=True)
