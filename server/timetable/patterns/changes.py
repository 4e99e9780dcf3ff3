"""What has to happen to the lessons of patterns so that they are as planned."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from server.timetable.patterns.weekly import PlannedLesson


class ExistingLesson(NamedTuple):
    """A lesson that came of a pattern, as it is now.

    Attributes:
        is_changed: a person changed this one lesson.
    """

    lesson_id: uuid.UUID
    pattern_id: uuid.UUID
    week: date
    course_id: uuid.UUID
    room_id: uuid.UUID
    starts_at: datetime
    ends_at: datetime
    is_changed: bool


@dataclass
class LessonChanges:
    """Lessons to add, to move and to remove.

    Attributes:
        left_out: what is neither added nor moved, because its room is taken.
    """

    added: list[PlannedLesson] = field(default_factory=list)
    moved: list[tuple[uuid.UUID, PlannedLesson]] = field(default_factory=list)
    removed: list[uuid.UUID] = field(default_factory=list)
    left_out: list[PlannedLesson] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """Return how many of each there are."""
        return {
            "added": len(self.added),
            "moved": len(self.moved),
            "removed": len(self.removed),
        }

    def __bool__(self) -> bool:
        return bool(self.added or self.moved or self.removed)


def compare(
    planned: Iterable[PlannedLesson],
    existing: Iterable[ExistingLesson],
    at: datetime,
    *,
    opens_before: timedelta = timedelta(0),
) -> LessonChanges:
    """Return what makes the existing lessons as they are planned.

    A lesson that has started, or that people check in for, stays, as does one that a person
    changed. No lesson is moved or added to where it would have started: one whose new time is
    over stays where it is. A lesson is the one of its pattern and week, so it keeps its id when
    day, time, course or room change.

    Args:
        planned: at most one for each pattern and week, those of this week that are over too.
        existing: every lesson of the same patterns in the same weeks.
        at: now.
        opens_before: how long before a lesson its check-in opens.
    """
    wanted = {(one.pattern_id, one.week): one for one in planned}
    changes = LessonChanges()
    for lesson in existing:
        plan = wanted.pop((lesson.pattern_id, lesson.week), None)
        if lesson.starts_at <= at + opens_before or lesson.is_changed:
            continue
        if plan is None:
            changes.removed.append(lesson.lesson_id)
        elif plan.starts_at > at and _differs(lesson, plan):
            changes.moved.append((lesson.lesson_id, plan))
    changes.added = [plan for plan in wanted.values() if plan.starts_at > at]
    return changes


def _differs(lesson: ExistingLesson, plan: PlannedLesson) -> bool:
    is_now = (lesson.course_id, lesson.room_id, lesson.starts_at, lesson.ends_at)
    return is_now != (plan.course_id, plan.room_id, plan.starts_at, plan.ends_at)
