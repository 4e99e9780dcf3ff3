"""Accounts, their sign-ins and second steps, and what is counted against guessing."""

import uuid
from datetime import datetime

from sqlalchemy import BigInteger
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
    tokens_from: datetime | None = utc_field(nullable=True)  # API tokens made before are dead


class SignIn(SQLModel, table=True):
    """One sign-in in a browser. The cookie holds a token; only its hash is here."""

    __tablename__ = "sign_ins"

    token_hash: bytes = Field(primary_key=True, max_length=32)
    account_id: uuid.UUID = Field(foreign_key="accounts.id", index=True, ondelete="CASCADE")
    created_at: datetime = utc_field(default_now=True)
    last_seen_at: datetime = utc_field(default_now=True)
    expires_at: datetime = utc_field(index=True)
    needs_code: bool = Field(default=False)  # the password was right, the second step is missing


class SecondFactor(SQLModel, table=True):
    """The secret from which an account's codes are computed, encrypted; see `Vault`."""

    __tablename__ = "second_factors"

    account_id: uuid.UUID = Field(foreign_key="accounts.id", primary_key=True, ondelete="CASCADE")
    key_id: str = Field(max_length=40)
    secret: bytes
    created_at: datetime = utc_field(default_now=True)
    confirmed_at: datetime | None = utc_field(nullable=True)  # until then it is asked of nobody
    last_step: int | None = Field(default=None, sa_type=BigInteger)  # of the newest code accepted


class RecoveryCode(SQLModel, table=True):
    """A code that takes the place of the second step once. Only its hash is here."""

    __tablename__ = "recovery_codes"

    code_hash: bytes = Field(primary_key=True, max_length=32)
    account_id: uuid.UUID = Field(foreign_key="accounts.id", index=True, ondelete="CASCADE")


class SecondFactorRole(SQLModel, table=True):
    """A role of which the school requires a second step."""

    __tablename__ = "second_factor_roles"

    role: str = Field(primary_key=True, max_length=20)


class GuessCount(SQLModel, table=True):
    """Wrong guesses from one place, at one account or in one session; see `throttle_rules`.

    There is one for names that do not exist too, so that it tells nobody which do. The number of
    rows is bounded.
    """

    __tablename__ = "guess_counts"

    key: bytes = Field(primary_key=True, max_length=32)
    name_hash: bytes | None = Field(default=None, index=True, max_length=32)
    failures: int = Field(default=0)
    since_at: datetime = utc_field(default_now=True)  # forgiven up to here
    locks: int = Field(default=0)
    locked_until: datetime | None = utc_field(nullable=True)
    succeeded_at: datetime | None = utc_field(nullable=True)  # the newest sign-in from this place
    touched_at: datetime = utc_field(default_now=True, index=True)


class RefusedGuesses(SQLModel, table=True):
    """Guesses that no audit entry tells of yet: for each account that exists, by action."""

    __tablename__ = "refused_guesses"

    subject: str = Field(primary_key=True, max_length=120)
    action: str = Field(primary_key=True, max_length=60)
    guesses: int = Field(default=0)
    since_at: datetime = utc_field(default_now=True)
    written_at: datetime = utc_field(default_now=True)
