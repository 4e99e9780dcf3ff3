"""Who may look at which marks: teachers only at those of their own courses."""

from collections.abc import Iterable

from sqlmodel import Session

from server.attendance.access import refuse_foreign_course, refuse_foreign_lesson
from server.attendance.register import EventKey
from server.config import Settings
from server.errors import ForbiddenError
from server.mark_reviews.service import find_lessons
from server.mark_reviews.tables import MarkReview
from server.web.principal import Principal, Role


def refuse_foreign_marks(
    db: Session, keys: Iterable[EventKey], principal: Principal, settings: Settings
) -> None:
    """Refuse marks of lessons that the account may not see, and those of no lesson.

    Raises:
        NotFoundError: there is no such mark.
        ForbiddenError: a teacher does not have the course today.
    """
    if principal.role is not Role.TEACHER:
        return
    found = find_lessons(db, frozenset(keys))
    if None in found:
        raise ForbiddenError
    for lesson in {one.lesson.id: one.lesson for one in found if one is not None}.values():
        refuse_foreign_lesson(db, lesson, principal, settings)


def refuse_foreign_review(
    db: Session, review: MarkReview, principal: Principal, settings: Settings
) -> None:
    """Refuse a decision about a lesson that the account may not see.

    Raises:
        ForbiddenError: a teacher does not have the course today.
    """
    if principal.role is not Role.TEACHER:
        return
    if review.lesson_id is None:
        raise ForbiddenError
    refuse_foreign_course(db, review.lesson_id, principal, settings)
