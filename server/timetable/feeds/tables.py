"""Private calendar addresses. Only the digests of their secrets are here."""

import uuid
from datetime import datetime

from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class CalendarFeed(SQLModel, table=True):
    """The calendar address of a teacher's account or of a course: one of the two is given.

    It is dead where the account is disabled, is no teacher's, or its `tokens_from` is later.
    """

    __tablename__ = "calendar_feeds"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    account_id: uuid.UUID | None = Field(
        default=None, foreign_key="accounts.id", unique=True, ondelete="CASCADE"
    )
    course_id: uuid.UUID | None = Field(
        default=None, foreign_key="courses.id", unique=True, ondelete="CASCADE"
    )
    secret_hash: bytes = Field(unique=True, max_length=32)
    created_at: datetime = utc_field(default_now=True)
