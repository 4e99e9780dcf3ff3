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


@dataclass(frozen=True)
class Principal:
    """A signed-in account.

    Attributes:
        account_id: the account.
        display_name: for the page header; never logged.
        role: decides what is allowed.
        must_change_password: still uses a password that another person has seen.
    """

    account_id: uuid.UUID
    display_name: str
    role: Role
    must_change_password: bool

    @property
    def actor(self) -> str:
        """How the audit trail names this account."""
        return f"account:{self.account_id}"
