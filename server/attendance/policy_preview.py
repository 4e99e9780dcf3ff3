"""What last week's registers would have said under other settings. Nothing is written."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session

from protocol.v1.messages import AttendanceWindow, window_of
from server.attendance.assignment import JudgedLesson, judged_lessons
from server.attendance.past import LineChange, differences
from server.attendance.service import registers_of
from server.attendance.sources import with_neighbours
from server.policies.effective import PolicySet
from server.policies.service import current_policies
from server.policies.timeline import chosen_versions, judged_by
from server.timetable import service as timetable
from server.timetable.local_time import local_date, midnight
from server.timetable.service import LessonView

_DAYS = timedelta(days=7)
#: More would take seconds; the newest lessons say enough.
MOST_LESSONS = 200


@dataclass(frozen=True)
class PolicyPreview:
    """What other settings would have changed in the last seven days before today.

    Attributes:
        lessons: that took place.
        touched: of those, how many have another attendance window under the other settings. One
            that people had judged again by a version of their choice is not among them.
        lines: of registers that would be different, by lesson and name.
    """

    lessons: int
    touched: int
    lines: tuple[LineChange, ...]

    @property
    def is_cut(self) -> bool:
        """Whether only the newest of the touched lessons were compared."""
        return self.touched > MOST_LESSONS


def preview_policies(
    db: Session, wanted: PolicySet, *, zone: ZoneInfo, at: datetime
) -> PolicyPreview:
    """Judge the lessons of last week by the policy in force now and by another one.

    Both readings are of today's policy, not of the one of then: what differs is what the change
    does. Lessons that people had judged again by a version of their choice differ in nothing.
    """
    today = local_date(at, zone)
    first, last = midnight(today - _DAYS, zone), midnight(today, zone)
    current = current_policies(db)
    views = [
        view
        for view in timetable.lesson_views(db, after=first, before=last)
        if not view.is_cancelled
    ]
    chosen = chosen_versions(db, [view.lesson.id for view in views])
    touched = [
        view
        for view in views
        if view.lesson.id not in chosen and _window(view, current) != _window(view, wanted)
    ]
    lines = _lines(db, current, wanted, touched[-MOST_LESSONS:], at) if touched else []
    return PolicyPreview(len(views), len(touched), tuple(lines))


def _lines(
    db: Session, current: PolicySet, wanted: PolicySet, touched: list[LessonView], at: datetime
) -> list[LineChange]:
    """Return what differs in these lessons and in those that may take a sighting from them."""
    near: list[JudgedLesson] = []
    for policies in (current, wanted):  # under each of them other lessons may be near
        with judged_by(db, policies):
            near += with_neighbours(db, judged_lessons(db, touched))
    views = list({one.lesson.id: one.view for one in near if one.lesson.starts_at <= at}.values())
    with judged_by(db, current):
        before = registers_of(db, views, at=at)
    with judged_by(db, wanted):
        after = registers_of(db, views, at=at)
    return differences(before, after)


def _window(view: LessonView, policies: PolicySet) -> AttendanceWindow:
    attendance = policies.at(view.room.id, view.course.id).policy.attendance
    return window_of(view.lesson.starts_at, view.lesson.ends_at, attendance)
