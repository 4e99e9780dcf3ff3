"""How often students took a face mark back with "Not me"."""

import math
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import literal_column
from sqlmodel import Session, and_, col, func, select

from protocol.v1.events import EventKind, EventMethod
from server.attendance.tables import StoredEvent
from server.kiosks.tables import Kiosk

DAYS = 90
#: Two-sided 95 % of the normal distribution.
_Z = 1.959964
#: Ids in one query: databases take only so many parameters.
_AT_A_TIME = 500
_IS_MARK = (
    col(StoredEvent.kind) == EventKind.SEEN,
    col(StoredEvent.method) == EventMethod.FACE,
    col(StoredEvent.person_id).is_not(None),
)
#: Written into the statement as it stands in the index of objections, so that it applies.
_IS_OBJECTION = col(StoredEvent.kind) == literal_column(f"'{EventKind.NOT_ME.value}'")


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
    named, unnamed = _objections(db, since)
    taken_back = sum(_count_taken_back(db, since, *one) for one in named.items())
    return FalseMatches(_count_marks(db, since) + unnamed, taken_back + unnamed)


def _count_marks(db: Session, since: datetime) -> int:
    # Every kiosk is named, so that the index on kiosk and time applies.
    of_any_kiosk = col(StoredEvent.kiosk_id).in_(select(Kiosk.id))
    in_window = and_(of_any_kiosk, col(StoredEvent.counted_at) >= since)
    return db.exec(select(func.count()).where(in_window, *_IS_MARK)).one()


def _objections(db: Session, since: datetime) -> tuple[dict[uuid.UUID, set[uuid.UUID]], int]:
    """Return the events that were objected to, by kiosk, and how many objections name none."""
    query = select(StoredEvent.kiosk_id, StoredEvent.refers_to).where(
        _IS_OBJECTION,
        col(StoredEvent.counted_at) >= since,
        col(StoredEvent.method) == EventMethod.FACE,
    )
    named: dict[uuid.UUID, set[uuid.UUID]] = {}
    unnamed = 0
    for kiosk_id, event_id in db.exec(query):
        if event_id is None:
            unnamed += 1
        else:
            named.setdefault(kiosk_id, set()).add(event_id)
    return named, unnamed


def _count_taken_back(
    db: Session, since: datetime, kiosk_id: uuid.UUID, event_ids: set[uuid.UUID]
) -> int:
    """Return how many of these events of a kiosk are face marks.

    Asked by primary key: no index leads from a mark to the objection, so a join takes minutes.
    """
    wanted = sorted(event_ids)
    found = 0
    for start in range(0, len(wanted), _AT_A_TIME):
        query = select(func.count()).where(
            col(StoredEvent.kiosk_id) == kiosk_id,
            col(StoredEvent.id).in_(wanted[start : start + _AT_A_TIME]),
            col(StoredEvent.counted_at) >= since,
            *_IS_MARK,
        )
        found += db.exec(query).one()
    return found
