"""What an admin entered about the school. One row, or none yet."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from server.db.types import utc_field

ONLY = 1


class School(SQLModel, table=True):
    """What the pages and kiosks call the school; None where nobody entered it."""

    __tablename__ = "school"

    id: int = Field(default=ONLY, primary_key=True, sa_column_kwargs={"autoincrement": False})
    name: str | None = Field(default=None, max_length=80)
    timezone: str | None = Field(default=None, max_length=64)
    language: str | None = Field(default=None, max_length=8)
    # From then on Today shows the first steps no more.
    steps_hidden_at: datetime | None = utc_field(nullable=True)
