"""Marks as pages and the API show them: by lesson, with the evidence in words."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from server.attendance.register import EventKey
from server.kiosks.tables import Kiosk
from server.mark_reviews.evidence import SMALL_MARGIN, MarkEvidence, evidence_of
from server.mark_reviews.marks import FaceMark, lessons_of
from server.mark_reviews.schemas import MarkRead
from server.policies.service import current_policy
from server.timetable.service import LessonView


@dataclass(frozen=True)
class MarkGroup:
    """The marks of one person in one lesson; in none where `lesson` is None.

    Attributes:
        names: of the marks, as forms send them.
        times: when they were made.
        kiosks: names of the kiosks.
        evidence: keys of the sentences about it; see `MarkEvidence.words`.
        second: methods of second factors.
    """

    lesson: LessonView | None
    names: str
    times: tuple[datetime, ...]
    kiosks: tuple[str, ...]
    evidence: tuple[str, ...]
    second: tuple[str, ...]


def small_margin(db: Session) -> float:
    """Return below which margin another person was nearly as similar, by today's policy."""
    return current_policy(db).recognition.minimum_margin * SMALL_MARGIN


def groups_of(db: Session, marks: Sequence[FaceMark]) -> list[MarkGroup]:
    """Return marks of one person by lesson, oldest first."""
    lessons, limit = lessons_of(db, marks), small_margin(db)
    kiosks = kiosk_names(db, {one.kiosk_id for one in marks})
    found: dict[uuid.UUID | EventKey, list[FaceMark]] = {}
    for mark in marks:
        view = lessons.get(mark.key)
        found.setdefault(view.lesson.id if view else mark.key, []).append(mark)
    return [_group(one, lessons, kiosks, limit) for one in found.values()]


def kiosk_names(db: Session, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of kiosks."""
    return dict(db.exec(select(Kiosk.id, Kiosk.name).where(col(Kiosk.id).in_(set(ids)))).all())


def read_mark(
    mark: FaceMark, lesson_id: uuid.UUID | None, limit: float, *, looks_alike: bool = False
) -> MarkRead:
    """Return a mark as the API shows it."""
    evidence = evidence_of(mark.body, small_margin=limit)
    return MarkRead(
        kiosk_id=mark.kiosk_id,
        event_id=mark.event_id,
        person_id=mark.person_id,
        lesson_id=lesson_id,
        at=mark.counted_at,
        evidence=list(words_of(evidence, looks_alike=looks_alike)),
        second=evidence.second,
    )


def words_of(evidence: MarkEvidence, *, looks_alike: bool) -> tuple[str, ...]:
    """Return the keys of the sentences about a mark."""
    said = [one for one in evidence.words if one != "clear" or not looks_alike]
    return (*said, "look_alike") if looks_alike else tuple(said)


def _group(
    marks: Sequence[FaceMark],
    lessons: Mapping[EventKey, LessonView],
    kiosks: Mapping[uuid.UUID, str],
    limit: float,
) -> MarkGroup:
    found = [evidence_of(one.body, small_margin=limit) for one in marks]
    words = dict.fromkeys(word for one in found for word in one.words)
    if len(words) > 1:
        words.pop("clear", None)
    return MarkGroup(
        lesson=lessons.get(marks[0].key),
        names=" ".join(f"{one.kiosk_id}:{one.event_id}" for one in marks),
        times=tuple(one.counted_at for one in marks),
        kiosks=tuple(dict.fromkeys(kiosks.get(one.kiosk_id, "") for one in marks)),
        evidence=tuple(words),
        second=tuple(dict.fromkeys(one.second for one in found if one.second)),
    )
