"""How often students took a face mark back with "Not me"."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from protocol.v1.events import EventKind, EventMethod
from server.attendance.tables import StoredEvent
from server.kiosks.tables import Kiosk

DAYS = 90
#: Two-sided 95 % of the normal distribution.
_Z = 1.959964


@dataclass(frozen=True)
class FalseMatches:
    """Face marks of the last days, and how many of them were wrong.

    Attributes:
        marks: face marks of any person, including those that were taken back.
        taken_back: of them, those that a student took back.
    """

    marks: int
    taken_back: int

    @property
    def share(self) -> float | None:
        """Share of marks taken back, 0 to 1; None without marks."""
        return self.taken_back / self.marks if self.marks else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the share; None without marks."""
        return wilson_interval(self.taken_back, self.marks) if self.marks else None


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share.

    With z = 1.96, n trials and the share p = count / n, its ends are
    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).

    Args:
        count: trials with the outcome, 0 to `total`.
        total: independent trials, > 0.

    Source: Wilson, Probable inference, the law of succession, and statistical inference, Journal
    of the American Statistical Association 22, 1927.
    """
    share, squared = count / total, _Z * _Z
    centre = share + squared / (2 * total)
    half = _Z * math.sqrt(share * (1 - share) / total + squared / (4 * total * total))
    scale = 1 + squared / total
    low = 0.0 if count == 0 else (centre - half) / scale
    high = 1.0 if count == total else (centre + half) / scale
    return low, high


def count_false_matches(db: Session, *, at: datetime, days: int = DAYS) -> FalseMatches:
    """Count the face marks of the last days, and those taken back.

    A "Not me" that names no event stands for a mark that the kiosk could not store. It counts as
    a mark and as taken back. Two of them about one mark count once.

    Args:
        db: the caller's.
        at: now, UTC.
        days: length of the window, by the corrected time of the mark.
    """
    since = at - timedelta(days=days)
    marks, unnamed = _count_marks(db, since)
    return FalseMatches(marks + unnamed, _count_named(db, since) + unnamed)


def _count_marks(db: Session, since: datetime) -> tuple[int, int]:
    """Return how many face marks there are, and how many objections that name none."""
    is_mark = (col(StoredEvent.kind) == EventKind.SEEN) & col(StoredEvent.person_id).is_not(None)
    is_unnamed = (col(StoredEvent.kind) == EventKind.NOT_ME) & col(StoredEvent.refers_to).is_(None)
    query = select(func.count(case((is_mark, 1))), func.count(case((is_unnamed, 1)))).where(
        # Each kiosk is named for the sake of the index on kiosk and time.
        col(StoredEvent.kiosk_id).in_(select(Kiosk.id)),
        col(StoredEvent.counted_at) >= since,
        col(StoredEvent.method) == EventMethod.FACE,
    )
    return db.exec(query).one()


def _count_named(db: Session, since: datetime) -> int:
    """Return how many face marks were taken back by an event of their own kiosk."""
    objection = aliased(StoredEvent)
    is_about = (col(objection.kiosk_id) == col(StoredEvent.kiosk_id)) & (
        col(objection.refers_to) == col(StoredEvent.id)
    )
    marks = (
        select(StoredEvent.kiosk_id, StoredEvent.id)
        .join(objection, is_about)
        .where(
            col(objection.kiosk_id).in_(select(Kiosk.id)),
            col(objection.counted_at) >= since,
            col(objection.kind) == EventKind.NOT_ME,
            col(StoredEvent.counted_at) >= since,
            col(StoredEvent.kind) == EventKind.SEEN,
            col(StoredEvent.method) == EventMethod.FACE,
            col(StoredEvent.person_id).is_not(None),
        )
        .distinct()
    )
    return db.exec(select(func.count()).select_from(marks.subquery())).one()
