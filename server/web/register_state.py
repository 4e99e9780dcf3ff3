"""In which state the register of a lesson is, as lists filter by it; the rules lie above them."""

import uuid
from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, Select
from sqlmodel import Session

#: Registers that are derived to find those in a state; more would take seconds.
MOST_JUDGED = 200


class RegisterState(StrEnum):
    """What a list of lessons can be about. A register may be in several states at once."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"  # over, and nobody confirmed it
    PENDING = "pending"  # a line waits for a kiosk, or for a decision about a scan
    NOT_TAKEN = "not_taken"  # as reports say it
    CANCELLED = "cancelled"


class LessonsInState(NamedTuple):
    """Which lessons are in a state.

    Attributes:
        condition: on `Lesson`.
        is_cut: whether there were more lessons than are derived, so that only the newest count.
        ids: of the same lessons, where they are known; None where only the condition is.
    """

    condition: ColumnElement[bool]
    is_cut: bool = False
    ids: Collection[uuid.UUID] | None = None


class FindInState(Protocol):
    """Finds lessons by the state of their registers."""

    def __call__(
        self, db: Session, state: RegisterState, among: Select[Any], *, at: datetime
    ) -> LessonsInState:
        """Return which of the lessons, whose ids `among` selects, are in a state at a moment."""
