"""Who may check in or take the roll at a kiosk: people due there, and staff."""

import uuid
from datetime import datetime, timedelta

from sqlmodel import Session, col, or_, select

from server.accounts.tables import Account
from server.credentials.eligible import EVERYWHERE
from server.kiosks.gallery import HORIZON, people_due
from server.kiosks.tables import Kiosk
from server.policies.service import current_policy
from server.timetable import service as timetable
from server.timetable.tables import CourseTeacher, LessonSubstitute
from server.web.principal import Role

_RECENT = timedelta(hours=12)


def people_at(db: Session, kiosk: Kiosk, at: datetime) -> set[uuid.UUID] | None:
    """Return the people of a kiosk, with or without consent; None: everybody."""
    if current_policy(db).kiosk.gallery == "school":
        return None
    return people_due(db, kiosk.room_id, at)


def staff_at(db: Session, kiosk: Kiosk, at: datetime) -> list[Account]:
    """Return who may take the roll: teachers and substitutes of the room's lessons, office."""
    views = timetable.lesson_views(
        db, room_ids=[kiosk.room_id], after=at - _RECENT, before=at + HORIZON
    )
    days = {view.lesson.day for view in views if not view.is_cancelled}
    courses = {view.course.id for view in views if not view.is_cancelled}
    lessons = [view.lesson.id for view in views if not view.is_cancelled]
    standing_in = select(LessonSubstitute.account_id).where(
        col(LessonSubstitute.lesson_id).in_(lessons)
    )
    teaching = select(CourseTeacher.account_id).where(col(CourseTeacher.course_id).in_(courses))
    if days:
        teaching = teaching.where(
            or_(col(CourseTeacher.from_date).is_(None), col(CourseTeacher.from_date) <= max(days)),
            or_(
                col(CourseTeacher.until_date).is_(None), col(CourseTeacher.until_date) >= min(days)
            ),
        )
    query = select(Account).where(
        col(Account.is_active).is_(True),
        or_(
            col(Account.role).in_(EVERYWHERE),
            (col(Account.role) == Role.TEACHER)
            & (col(Account.id).in_(teaching) | col(Account.id).in_(standing_in)),
        ),
    )
    return list(db.exec(query.order_by(col(Account.id))))
