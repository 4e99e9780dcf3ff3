"""What the account endpoints take and give."""

import uuid

from pydantic import BaseModel, Field, SecretStr

from server.web.principal import Role


class SignInRequest(BaseModel):
    """Name and password."""

    username: str = Field(max_length=64)
    password: SecretStr = Field(max_length=256)


class PasswordChange(BaseModel):
    """The current password and the one to come."""

    old: SecretStr = Field(max_length=256)
    new: SecretStr = Field(max_length=256)


class SessionRead(BaseModel):
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


class PasswordForm(BaseModel):
    """The change-password page's form."""

    old: str = Field(max_length=256)
    new: str = Field(max_length=256)
    again: str = Field(max_length=256)
