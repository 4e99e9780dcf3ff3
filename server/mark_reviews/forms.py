"""What the forms of reviewed marks send: text, to be read."""

import uuid
from typing import Annotated

from pydantic import Field, StringConstraints

from server.attendance.register import EventKey
from server.errors import InvalidError
from server.mark_reviews.service import ReviewOrder
from server.mark_reviews.tables import ReviewAnswer
from server.web.strict import StrictInput

_Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=600)]
#: Names of the marks of one lesson: kiosk and event with a colon, with spaces between them.
_Marks = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40_000)]


class MovedMarksForm(StrictInput):
    """The chosen lessons with their marks and an answer for all, or an answer for one lesson.

    Attributes:
        only: an answer and the marks of one lesson; the ticked ones do not count then.
    """

    mark: list[_Marks] = Field(default_factory=list, max_length=500)
    answer: _Text = ""
    only: _Marks = ""
    reason: _Text = ""

    def order(self, right_person: uuid.UUID) -> ReviewOrder:
        """Read the form.

        Raises:
            InvalidError: it cannot be read.
        """
        answer, _, marks = self.only.partition(" ")
        chosen = marks.split() if self.only else " ".join(self.mark).split()
        return order_of(chosen, answer or self.answer, right_person, self.reason)


class RecognitionForm(StrictInput):
    """One mark, who it was, and the filter to go back to.

    Attributes:
        other: id of the other person, or empty: nobody of the lesson.
    """

    mark: _Text = ""
    answer: _Text = ""
    other: _Text = ""
    reason: _Text = ""
    course_id: _Text = ""
    kiosk_id: _Text = ""

    def order(self) -> ReviewOrder:
        """Read the form.

        Raises:
            InvalidError: it cannot be read.
        """
        answer = self.answer
        if answer == ReviewAnswer.OTHER and self.other == ReviewAnswer.NOBODY:
            answer = ReviewAnswer.NOBODY.value
        return order_of([self.mark], answer, read_id(self.other), self.reason)


class UndoReviewForm(StrictInput):
    """To which page an undo leads back; empty: the recent recognitions."""

    move_id: _Text = ""


def read_id(text: str) -> uuid.UUID | None:
    """Return the id that a text names; None where it names none."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def order_of(marks: list[str], answer: str, other_id: uuid.UUID | None, reason: str) -> ReviewOrder:
    """Return what a form decides.

    Raises:
        InvalidError: it cannot be read.
    """
    try:
        keys = frozenset(_key(one) for one in marks)
        chosen = ReviewAnswer(answer)
    except ValueError as exc:
        raise InvalidError("Choose marks and an answer.", problem="no_marks") from exc
    other = other_id if chosen is ReviewAnswer.OTHER else None
    return ReviewOrder(keys, chosen, other, reason)


def _key(text: str) -> EventKey:
    kiosk, _, event = text.partition(":")
    return uuid.UUID(kiosk), uuid.UUID(event)
