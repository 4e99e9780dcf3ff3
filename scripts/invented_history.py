"""Gives the invented school a past: a cancelled lesson, silent kiosks, moves, dated rosters."""

import uuid
from datetime import timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, select

from scripts.invented_school import School
from server.attendance import past
from server.attendance.past import Confirmation
from server.attendance.past_kinds import PolicyChange
from server.db.engine import Database
from server.db.types import now
from server.kiosks.placements import close_watermark
from server.kiosks.service import kiosk_of
from server.kiosks.tables import KioskPlacement, KioskProgress
from server.timetable import service as timetable
from server.timetable.lessons import cancel_lesson
from server.timetable.tables import RosterEntry
from server.timetable.terms import create_term

_UTC = ZoneInfo("UTC")


def add_history(database: Database, school: School, *, account: str) -> None:
    """Add what the pages about the past show.

    Args:
        database: of a school that `invented_school.fill` made.
        school: what it made; the first three lessons are over.
        account: who did everything.
    """
    cancelled, pending, _plain, judged = school.lessons[:4]
    at = now()
    with database.transaction() as db:
        today = at.date()
        for number, name in enumerate(("Autumn", "Spring")):
            first = today + timedelta(days=150 * number - 80)
            create_term(
                db, name=name, first_day=first, last_day=first + timedelta(days=140), actor="system"
            )
        cancel_lesson(db, cancelled, reason="The heating in R10 failed.", actor=account, at=at)
        _silence(db, school.kiosks[1], pending)
        _move(db, school)
        _roster(db, school.courses[0])
        kiosk = kiosk_of(db, school.kiosks[0])
        close_watermark(
            db,
            kiosk,
            from_at=at - timedelta(days=12),
            reason="The card broke before it could report.",
            actor=account,
            at=at - timedelta(days=11),
        )
        change = PolicyChange(lesson_ids=(judged,), policy_version=1)
        seen = past.preview(db, change, zone=_UTC, at=at)
        reason = "The policy was saved a day too late."
        confirmation = Confirmation(account, reason, seen.fingerprint)
        past.make(db, change, confirmation, zone=_UTC, at=at)


def _silence(db: Session, kiosk_id: uuid.UUID, lesson_id: uuid.UUID) -> None:
    """Let the kiosk have reported nothing of the lesson's second half."""
    lesson = timetable.lesson_view(db, lesson_id).lesson
    progress = db.get_one(KioskProgress, kiosk_id)
    progress.synced_through = lesson.ends_at - timedelta(minutes=20)
    progress.claimed_through = progress.synced_through
    db.add(progress)


def _move(db: Session, school: School) -> None:
    """Let the first kiosk have hung in another room before."""
    current = db.exec(
        select(KioskPlacement).where(KioskPlacement.kiosk_id == school.kiosks[0])
    ).one()
    began = current.from_at
    current.from_at = began + timedelta(days=6)
    db.add(current)
    before = KioskPlacement(
        kiosk_id=school.kiosks[0],
        room_id=school.rooms[-1],
        from_at=began,
        until_at=current.from_at,
        opened_by="system",
        closed_by="system",
    )
    db.add(before)


def _roster(db: Session, course_id: uuid.UUID) -> None:
    """Let some entries have ended, one begin later, one have been added today."""
    entries = db.exec(select(RosterEntry).where(RosterEntry.course_id == course_id)).all()
    today = now().date()
    for number, entry in enumerate(entries[:4]):
        entry.from_date = today - timedelta(days=70)
        if number < 2:
            entry.until_date = today - timedelta(days=20 + number)
        db.add(entry)
    entries[4].from_date = today + timedelta(days=7)
    entries[5].counts_after = now()
