"""Which registers an account may see: teachers only those of their own courses."""

import uuid
from typing import Annotated

from sqlmodel import Session

from server.config import Settings
from server.db.types import now
from server.errors import ForbiddenError
from server.timetable.local_time import local_date
from server.timetable.service import lesson_view
from server.timetable.substitutes.service import is_substitute
from server.timetable.tables import Lesson
from server.timetable.teachers import visible_courses
from server.web.access import require_role
from server.web.principal import Principal, Role

RegisterDep = Annotated[Principal, require_role(Role.OFFICE, Role.TEACHER)]


class ForeignCourseError(ForbiddenError):
    """A teacher asks for a lesson of a course that is not theirs today."""

    code = "foreign_course"
    default_message = "You do not teach this course. Ask the office to add you."


def refuse_foreign_course(
    db: Session, lesson_id: uuid.UUID, principal: Principal, settings: Settings
) -> None:
    """Refuse a lesson that the account may not see: of another course, and not as a substitute.

    Raises:
        NotFoundError: there is no such lesson.
        ForeignCourseError: the teacher does not have the course today, and was no substitute in the
            last two weeks.
    """
    refuse_foreign_lesson(db, lesson_view(db, lesson_id).lesson, principal, settings)


def refuse_foreign_lesson(
    db: Session, lesson: Lesson, principal: Principal, settings: Settings
) -> None:
    """Refuse the same lesson where it was read already.

    Raises:
        ForeignCourseError: the teacher does not have the course today.
    """
    if not is_substitute(db, lesson, principal):
        refuse_unless_own(db, lesson.course_id, principal, settings)


def refuse_unless_own(
    db: Session, course_id: uuid.UUID, principal: Principal, settings: Settings
) -> None:
    """Refuse a course that the account may not see.

    Raises:
        ForeignCourseError: the teacher does not have the course today.
    """
    own = visible_courses(db, principal, local_date(now(), settings.zone))
    if own is not None and course_id not in own:
        raise ForeignCourseError
