"""Which kiosks a change of the school can concern: those of its rooms, and of its people's rooms.

The answer may name kiosks for which nothing changed, and never leaves one out. Each change is read
from the log after its commit, from a database that others change meanwhile. That is why the log
names a room where a lesson comes or goes and a course whose roster changes: who has left both is
found by those.
"""

import uuid
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session, col, or_, select

from protocol.v1.messages import GalleryScope
from server.changes.service import Touched, touched_between
from server.kiosks.school_state import SchoolMark, SchoolState, mark_in
from server.kiosks.tables import GalleryEntry, Kiosk
from server.policies.service import current_policy
from server.timetable.tables import Lesson, RosterEntry

#: More than configurations and galleries look back and ahead, also those of yesterday.
_BEHIND, _AHEAD = timedelta(days=2), timedelta(days=9)


class Concern(NamedTuple):
    """Which kiosks a change can concern.

    Attributes:
        kiosks: those whose configuration or gallery may change; None is all of them.
        people: whose templates may come or go in the gallery of every other kiosk, because each
            holds the whole school; their configurations stay.
    """

    kiosks: set[uuid.UUID] | None
    people: frozenset[uuid.UUID] = frozenset()

    def may_concern(self, kiosk_id: uuid.UUID) -> bool:
        """Whether anything that this kiosk knows may change."""
        return bool(self.people) or self.kiosks is None or kiosk_id in self.kiosks


def concerned(
    db: Session,
    known: SchoolMark | None,
    state: SchoolState,
    at: datetime,
    *,
    only: uuid.UUID | None = None,
) -> Concern:
    """Return the kiosks that may have to know what changed between two states of the school.

    Args:
        db: the caller's; it may be ahead of the state.
        known: the earlier state; None where there is none.
        state: the later one.
        at: now, UTC.
        only: look at this kiosk only.
    """
    touched = touched_since(db, known, state.mark)
    if touched is None:
        return Concern(None)
    if not touched.people or current_policy(db).kiosk.gallery != GalleryScope.SCHOOL:
        return Concern(_kiosks_of(db, touched, at, only))
    return Concern(_kiosks_of(db, touched, at, only, is_holding=False), touched.people)


def touched_since(db: Session, known: SchoolMark | None, current: SchoolMark) -> Touched | None:
    """Return what changed between two states; None where it may be anything."""
    if known is None or known.rest != current.rest:
        return None
    if known.changes == current.changes:
        return Touched() if known.logged == current.logged else None
    return touched_between(db, known.changes, current.changes)


def may_differ(db: Session, kiosk: Kiosk, state: SchoolState, at: datetime) -> bool:
    """Return whether a kiosk's gallery may have to change to follow the school."""
    if kiosk.gallery_source == state.source_for(kiosk):
        return False
    known = mark_in(kiosk)
    if known is None:
        return True
    return concerned(db, known, state, at, only=kiosk.id).may_concern(kiosk.id)


def _kiosks_of(
    db: Session,
    touched: Touched,
    at: datetime,
    only: uuid.UUID | None,
    *,
    is_holding: bool = True,
) -> set[uuid.UUID]:
    """Return the kiosks by their rooms, and those that hold a template of one of the people."""
    if not touched:
        return set()
    people = touched.people
    moved = select(RosterEntry.person_id).where(col(RosterEntry.course_id).in_(touched.lessons_of))
    person_id = col(RosterEntry.person_id)
    theirs = select(RosterEntry.course_id).where(or_(person_id.in_(people), person_id.in_(moved)))
    course_id, starts_at = col(Lesson.course_id), col(Lesson.starts_at)
    rooms = select(Lesson.room_id).where(
        starts_at.between(at - _BEHIND, at + _AHEAD),
        or_(course_id.in_(touched.courses), course_id.in_(theirs)),
    )
    holding = select(GalleryEntry.kiosk_id).where(
        col(GalleryEntry.person_id).in_(people), col(GalleryEntry.gone).is_(None)
    )
    room_id, kiosk_id = col(Kiosk.room_id), col(Kiosk.id)
    theirs_too = [kiosk_id.in_(holding)] if is_holding else []
    query = select(Kiosk.id).where(or_(room_id.in_(touched.rooms), room_id.in_(rooms), *theirs_too))
    return set(db.exec(query if only is None else query.where(kiosk_id == only)))
