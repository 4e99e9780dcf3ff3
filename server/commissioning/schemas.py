"""What clients see of acceptance tests."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field


class CommissioningSummary(BaseModel):
    """One report in a kiosk's list."""

    id: uuid.UUID
    room: str = Field(description="where the kiosk said it stood")
    started_at: datetime
    finished_at: datetime
    received_at: datetime
    passed: int
    failed: int
    skipped: int


class CommissioningStepRead(BaseModel):
    """What became of one step."""

    name: str
    outcome: str = Field(description="passed, failed or skipped; a newer kiosk may say more")
    at: datetime
    problem: str = Field(description="in English")
    fix: str = Field(description="in English; empty where nothing has to be done")
    code: str = Field(description="names problem and fix in every language; empty: an older kiosk")
    values: dict[str, str] = Field(description="what stands in the places of these sentences")
    reason: str = Field(description="why a step was skipped; else empty")
    measures: dict[str, float]


class CommissioningRead(CommissioningSummary):
    """One report with its steps."""

    software_version: str
    is_signature_valid: bool = Field(
        description="the kiosk's key of that time signed all of it, and nothing was changed since"
    )
    drill_made_at: datetime | None = Field(
        description="when the kiosk made the message of its offline drill; null: none came"
    )
    drill_received_at: datetime | None
    steps: list[CommissioningStepRead]
