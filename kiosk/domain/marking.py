"""From events, new ones and remembered ones, to the marks that the kiosk keeps in its book."""

from dataclasses import replace
from datetime import datetime

from kiosk.domain.marks import Mark, RememberedMark
from kiosk.domain.recorder import Stored
from kiosk.domain.timetable import Lesson
from protocol.v1.messages import ArrivalStatus, EventKind


def mark_of(stored: Stored, lesson: Lesson, earlier: Mark | None, now_s: float) -> Mark | None:
    """Return the mark that a stored event makes; None where it marks nobody.

    Args:
        stored: the event and what it was made of.
        lesson: that it names.
        earlier: mark of the same person in this lesson.
        now_s: monotonic.
    """
    draft = stored.draft
    if draft.kind not in (EventKind.SEEN, EventKind.ROLL_CALL) or draft.shown is None:
        return None
    is_late = draft.shown is ArrivalStatus.LATE
    mark = Mark(
        event_id=stored.event.event_id,
        person_id=draft.person_id,
        lesson_id=lesson.id,
        at_s=now_s,
        status=draft.shown,
        late_min=max(1, lesson.window.late_min(draft.clock.best_at)) if is_late else 0,
        direction=draft.direction or (earlier.direction if earlier else None),
    )
    # A teacher's word replaces what was there.
    return with_first_status(mark, earlier) if draft.kind is EventKind.SEEN else mark


def remembered_mark(
    kept: RememberedMark, lesson: Lesson | None, now: datetime, now_s: float
) -> Mark:
    """Return a mark from before a restart.

    Args:
        kept: what the disk remembers.
        lesson: that it is of; None where it is not known any more.
        now: best time, UTC.
        now_s: the same moment, monotonic.
    """
    is_late = kept.status is ArrivalStatus.LATE
    return Mark(
        event_id=kept.event_id,
        person_id=kept.person_id,
        lesson_id=kept.lesson_id,
        at_s=now_s - max(0.0, (now - kept.at).total_seconds()),
        status=kept.status,
        late_min=lesson.window.late_min(kept.at) if lesson and is_late else int(is_late),
        direction=kept.direction,
    )


def with_first_status(mark: Mark, earlier: Mark | None) -> Mark:
    """Return the mark with the status of the first one in its lesson."""
    if earlier is None:
        return mark
    direction = mark.direction or earlier.direction
    return replace(mark, status=earlier.status, late_min=earlier.late_min, direction=direction)
