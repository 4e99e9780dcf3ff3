"""Who is behind a request. No web framework here, so that business code may name it."""

import uuid
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What an account may do; see docs. Everything not granted is denied."""

    ADMIN = "admin"  # everything
    OFFICE = "office"  # people, enrolment, timetable, reports
    TEACHER = "teacher"  # own courses: register, class photo, corrections
    DPO = "dpo"  # consent, audit, retention, certificates; no templates
    TECHNICIAN = "technician"  # kiosks and provisioning; no people


class SignInStep(StrEnum):
    """What a sign-in still lacks; until then it opens nothing but the page of that step."""

    CODE = "code"  # the password was right, the code of the second step is due
    PASSWORD = "password"  # noqa: S105 - a step: it still uses a one-time password
    SECOND_FACTOR = "second_factor"  # the school asks this role for a second step; there is none


@dataclass(frozen=True)
class TokenGrant:
    """The API token that a request came with.

    Attributes:
        token_id: of the token.
        scopes: what it may do, within the role of its account; see `server.web.scopes`.
    """

    token_id: uuid.UUID
    scopes: frozenset[str]


@dataclass(frozen=True)
class Principal:
    """A signed-in account, or the account of an API token.

    Attributes:
        account_id: the account.
        display_name: for the page header; never logged.
        role: decides what is allowed.
        step: what the sign-in still lacks; None: it is complete.
        token: what the request came with; None: the cookie of a sign-in.
    """

    account_id: uuid.UUID
    display_name: str
    role: Role
    step: SignInStep | None = None
    token: TokenGrant | None = None

    @property
    def must_change_password(self) -> bool:
        """Whether the account still uses a password that another person has seen."""
        return self.step is SignInStep.PASSWORD

    @property
    def actor(self) -> str:
        """How the audit trail names this account."""
        return f"account:{self.account_id}"
