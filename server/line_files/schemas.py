"""What clients get about files with a line of a register."""

import uuid
from datetime import datetime

from pydantic import BaseModel, Field


class LineFileRead(BaseModel):
    """A file with a line of a register."""

    id: uuid.UUID
    kind: str = Field(description="`pdf`, `jpeg` or `png`")
    size_bytes: int
    added_by: uuid.UUID = Field(description="the account")
    added_at: datetime
    may_open: bool = Field(
        description="whether this account may open and delete it: who added it, and the office"
    )
