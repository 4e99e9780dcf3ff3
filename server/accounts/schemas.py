"""What the account endpoints take and give."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, Field, SecretStr, StringConstraints

from server.web.principal import Role


class SignInRequest(BaseModel):
    """Name and password."""

    username: str = Field(max_length=64)
    password: SecretStr = Field(max_length=256)


class PasswordChange(BaseModel):
    """The current password and the one to come."""

    old: SecretStr = Field(max_length=256)
    new: SecretStr = Field(max_length=256)


class SignInRead(BaseModel):
    """Who is signed in."""

    account_id: uuid.UUID
    display_name: str
    role: Role
    must_change_password: bool


class SignInForm(BaseModel):
    """The sign-in page's form."""

    username: str = Field(max_length=64)
    password: str = Field(max_length=256)
    next: str = "/"
    kept: str = Field(default="", max_length=7000)


class PasswordForm(BaseModel):
    """The change-password page's form."""

    old: str = Field(max_length=256)
    new: str = Field(max_length=256)
    again: str = Field(max_length=256)


class AccountCreate(BaseModel):
    """An account to add."""

    username: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True,
            to_lower=True,
            min_length=2,
            max_length=64,
            pattern=r"^[^\s\x00-\x1f\x7f]+$",
        ),
    ]
    display_name: Annotated[
        str,
        StringConstraints(
            strip_whitespace=True, min_length=1, max_length=120, pattern=r"^[^\x00-\x1f\x7f]+$"
        ),
    ]
    role: Role


class RoleChange(BaseModel):
    """The role an account is to have."""

    role: Role


class AccountRead(BaseModel):
    """An account, for admins."""

    id: uuid.UUID
    username: str
    display_name: str
    role: Role
    is_active: bool
    must_change_password: bool = Field(description="Still has its one-time password.")
    created_at: datetime
    last_sign_in_at: datetime | None


class OneTimePassword(BaseModel):
    """An account with its new one-time password, which is shown this once."""

    account: AccountRead
    one_time_password: str


class AccountForm(BaseModel):
    """The page's form, before anything about it is checked."""

    username: str = ""
    display_name: str = ""
    role: str = ""


class RoleForm(BaseModel):
    """The page's form to change a role."""

    role: Role
