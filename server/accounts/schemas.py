"""What the account endpoints take and give."""

import uuid
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, SecretStr

from server.web.kept_forms import is_possible
from server.web.principal import Role, SignInStep
from server.web.strict import StrictInput

#: First passwords in one go: hashing each takes a twentieth of a second.
MOST_PASSWORDS = 60
# What is no kept form is none: it must not keep its sender from signing in.
Kept = Annotated[str, BeforeValidator(lambda text: text if is_possible(text) else "")]


class SignInRequest(StrictInput):
    """Name and password."""

    username: str = Field(max_length=64)
    password: SecretStr = Field(max_length=256)


class PasswordChange(StrictInput):
    """The current password and the one to come."""

    old: SecretStr = Field(max_length=256)
    new: SecretStr = Field(max_length=256)


class SignInRead(BaseModel):
    """Who is signed in."""

    account_id: uuid.UUID
    display_name: str
    role: Role
    must_change_password: bool
    step: SignInStep | None = Field(
        description="What the sign-in still lacks; until then it opens nothing else."
    )


class CodeEntry(StrictInput):
    """A code of the authenticator app, or a recovery code."""

    code: SecretStr = Field(max_length=64)


class PasswordAgain(StrictInput):
    """The password, asked for again."""

    password: SecretStr = Field(max_length=256)


class SecondFactorSetup(BaseModel):
    """What to enter into an authenticator app."""

    secret: str = Field(description="Base 32.")
    uri: str = Field(description="The same as an otpauth:// address, for a QR code.")


class RecoveryCodes(BaseModel):
    """Codes that take the place of the app once each; they are shown this once."""

    recovery_codes: list[str]


class SecondFactorRoles(StrictInput):
    """The roles of which the school requires two-step sign-in."""

    roles: list[Role]


class SignInForm(StrictInput):
    """The sign-in page's form."""

    username: str = Field(max_length=64)
    password: str = Field(max_length=256)
    next: str = "/"
    kept: Kept = ""


class CodeForm(StrictInput):
    """The form of a code, on the sign-in page and in one's own settings."""

    code: str = Field(max_length=64)
    next: str = "/"
    kept: Kept = ""


class PasswordAgainForm(StrictInput):
    """The form that asks for the password again."""

    password: str = Field(max_length=256)


class SecondFactorRolesForm(StrictInput):
    """The page's form of the roles that need a second step."""

    roles: list[Role] = Field(default_factory=list)


class FirstPasswordsForm(StrictInput):
    """The page's form of the accounts whose first passwords are printed."""

    accounts: list[uuid.UUID] = Field(default_factory=list, max_length=MOST_PASSWORDS)


class PasswordForm(StrictInput):
    """The change-password page's form."""

    old: str = Field(max_length=256)
    new: str = Field(max_length=256)
    again: str = Field(max_length=256)


class RoleChange(StrictInput):
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
    has_second_factor: bool = Field(description="Sign-ins need a code of an authenticator app.")
    created_at: datetime
    last_sign_in_at: datetime | None


class OneTimePassword(BaseModel):
    """An account with its new one-time password, which is shown this once."""

    account: AccountRead
    one_time_password: str


class AccountForm(StrictInput):
    """The page's form, before anything about it is checked."""

    username: str = ""
    display_name: str = ""
    role: str = ""


class RoleForm(StrictInput):
    """The page's form to change a role."""

    role: Role
