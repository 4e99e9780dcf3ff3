"""What pages show of kiosks that lost events, and of one whose identity two devices use."""

import uuid
from datetime import timedelta

from sqlmodel import Session

from scripts.invented_school import School
from server.db.types import now
from server.kiosks import runs
from server.kiosks.runs import Run
from server.kiosks.tables import KioskProgress, LostSpan
from server.timetable import service as timetable

SPAN = uuid.UUID(int=0x5EA)


def lose_events(db: Session, school: School) -> None:
    """Let the kiosk of the second lesson have lost events of it, and a third kiosk be cloned."""
    lesson = timetable.lesson_view(db, school.lessons[1]).lesson
    progress = db.get_one(KioskProgress, school.kiosks[1])
    newest = progress.highest_seq
    runs.keep(db, progress, [Run(newest + 4, newest + 9)], now() - timedelta(hours=3))
    progress.synced_through = progress.claimed_through = now()
    span = LostSpan(
        id=SPAN,
        kiosk_id=progress.kiosk_id,
        first=newest - 12,
        last=newest - 1,
        missing=12,
        from_at=lesson.starts_at - timedelta(minutes=5),
        through_at=lesson.ends_at,
        reason="damaged",
    )
    closed = LostSpan(
        kiosk_id=progress.kiosk_id,
        first=3,
        last=3,
        missing=1,
        from_at=lesson.starts_at - timedelta(days=9),
        through_at=lesson.starts_at - timedelta(days=9, hours=-1),
        reason="never_arrived",
        closed_at=now() - timedelta(days=8),
        closed_by="system",
        close_reason="The old device was stolen.",
    )
    twins = db.get_one(KioskProgress, school.kiosks[3])
    twins.forked_at = now()
    db.add_all([progress, span, closed, twins])
