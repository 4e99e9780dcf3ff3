"""How a lesson looks to clients of the API."""

from server.timetable.schemas import CancellationRead, LessonRead
from server.timetable.service import LessonView


def lesson_read(view: LessonView) -> LessonRead:
    """Return what clients get to see of a lesson."""
    cancelled = view.cancellation
    return LessonRead(
        id=view.lesson.id,
        course_id=view.course.id,
        course_code=view.course.code,
        course_title=view.course.title,
        room_id=view.room.id,
        room_name=view.room.name,
        starts_at=view.lesson.starts_at,
        ends_at=view.lesson.ends_at,
        cancelled=None
        if cancelled is None
        else CancellationRead(
            reason=cancelled.reason,
            cancelled_at=cancelled.cancelled_at,
            cancelled_by=cancelled.cancelled_by,
        ),
    )
