"""What people decided about marks by face, and which events each decision is about."""

import uuid
from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ForeignKeyConstraint
from sqlmodel import Field, SQLModel

from server.db.types import new_id, utc_field


class ReviewAnswer(StrEnum):
    """Who was in front of the kiosk."""

    THEIRS = "theirs"  # the person that the kiosk named
    OTHER = "other"  # another person
    NOBODY = "nobody"  # neither


class MarkReview(SQLModel, table=True):
    """One decision about marks of one person in one lesson. To undo it deletes the row.

    Attributes:
        person_id: the person that the kiosk named.
        lesson_id: the lesson that the marks count for; None where they count for none.
        answer: a member of `ReviewAnswer`.
        other_id: who it was; only with `ReviewAnswer.OTHER`.
        reason: as typed, also where no line changed; "erased" once one of the people is.
        corrections: ids of the corrections that it made.
    """

    __tablename__ = "mark_reviews"

    id: uuid.UUID = Field(default_factory=new_id, primary_key=True)
    person_id: uuid.UUID = Field(foreign_key="people.id", index=True, ondelete="CASCADE")
    lesson_id: uuid.UUID | None = Field(
        default=None, foreign_key="lessons.id", index=True, ondelete="SET NULL"
    )
    answer: str = Field(max_length=10)
    other_id: uuid.UUID | None = Field(default=None, foreign_key="people.id", ondelete="CASCADE")
    reason: str = Field(default="", max_length=500)
    corrections: list[str] = Field(default_factory=list, sa_type=JSON)
    made_by: uuid.UUID = Field(foreign_key="accounts.id")
    made_at: datetime = utc_field(default_now=True)


class ReviewedMark(SQLModel, table=True):
    """One event that a decision is about."""

    __tablename__ = "reviewed_marks"
    __table_args__ = (
        ForeignKeyConstraint(
            ["kiosk_id", "event_id"],
            ["attendance_events.kiosk_id", "attendance_events.id"],
            ondelete="CASCADE",
        ),
    )

    kiosk_id: uuid.UUID = Field(primary_key=True)
    event_id: uuid.UUID = Field(primary_key=True)
    review_id: uuid.UUID = Field(foreign_key="mark_reviews.id", index=True, ondelete="CASCADE")
