"""Status codes of a school, and the reasons that it offers."""

import uuid
from datetime import datetime

from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class StatusCode(SQLModel, table=True):
    """A word for a status, as the school uses it.

    Attributes:
        name: empty only for a default code: then it is the word of the reader's language.
        letter: the same, for narrow lists.
        category: which status of a register it stands for.
        colour: of the fixed palette.
        statutory_code: what the authorities call it; empty where they have no word for it.
        position: place in lists and in the order of taps.
        is_default: lines that nobody corrected show it. There is one for each category.
        used_at: since when its meaning is fixed; None where no register uses it.
    """

    __tablename__ = "status_codes"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(max_length=40)
    letter: str = Field(max_length=3)
    category: str = Field(max_length=20)
    is_attended: bool
    needs_reason: bool
    colour: str = Field(max_length=20)
    statutory_code: str = Field(max_length=20)
    position: int
    is_default: bool = Field(default=False)
    used_at: datetime | None = utc_field(nullable=True)
    retired_at: datetime | None = utc_field(nullable=True)


class StatusReason(SQLModel, table=True):
    """A reason that is offered where a code needs one. Without any, the usual ones are offered."""

    __tablename__ = "status_reasons"

    position: int = Field(primary_key=True)
    text: str = Field(max_length=120)
