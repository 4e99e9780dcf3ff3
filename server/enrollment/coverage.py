"""Who of the school can be recognised how well: counted and listed by the database."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlalchemy import ColumnElement, case
from sqlmodel import Session, col, exists, func, select

from server.enrollment.backfill import needs_a_photo
from server.enrollment.gallery import is_in_use
from server.enrollment.tables import Enrolment, EnrolmentStatus, Template
from server.networks.service import networks_of
from server.people.live_consents import LiveConsents
from server.people.search import BY_NAME
from server.people.tables import Person
from server.policies.schemas import EnrolmentPolicy
from server.timetable.local_time import midnight


class Cover(StrEnum):
    """How well a person with a live consent is covered, the worst first."""

    MISSING = "missing"
    RENEW = "renew"
    OLD = "old"
    WEAK = "weak"
    READY = "ready"


@dataclass(frozen=True)
class CoverageLine:
    """One person.

    Attributes:
        person_id: who.
        cover: how well they are covered.
        photos: in use.
        newest: when the newest of them was taken in, UTC.
        is_pending: whether a photo of theirs is on its way.
    """

    person_id: uuid.UUID
    cover: Cover
    photos: int
    newest: datetime | None
    is_pending: bool


class SchoolCoverage:
    """Everybody with a live consent, at one moment.

    Args:
        db: the caller's.
        policy: how many photos are wanted, and how long one is good for.
        today: the school's date.
        zone: the school's, for the days that a photo is old.
    """

    def __init__(
        self, db: Session, policy: EnrolmentPolicy, *, today: date, zone: ZoneInfo
    ) -> None:
        self._db = db
        self._wanted = policy.photos_wanted
        # A photo of this moment or later is not old today.
        self._fresh_from = midnight(today - timedelta(days=policy.renew_after_days - 1), zone)
        self._in_use = is_in_use(networks_of(db).current)
        self._needs_photo = partial(needs_a_photo, db)
        self._live = LiveConsents(db, today)

    def tally(self) -> dict[Cover, int]:
        """How many people there are of each kind."""
        photos = _photos(self._in_use).group_by(col(Enrolment.person_id)).subquery()
        person = photos.c.person_id
        kind = self._kind(photos.c.count, photos.c.newest).label("kind")
        query = sqlalchemy.select(kind, func.count()).group_by(kind)
        query = query.where(self._live.of(person), ~self._needs_photo(person))
        counts = dict.fromkeys(Cover, 0)
        counts |= {Cover(name): number for name, number in self._db.execute(query)}
        counts[Cover.RENEW] = self._count_in_need()
        counts[Cover.MISSING] = self._live.count() - sum(counts.values())
        return counts

    def lines(self, kinds: Sequence[Cover], *, limit: int, offset: int) -> list[CoverageLine]:
        """Return a part of the people of some kinds, by name.

        The photos are counted person by person: the database stops at the end of the part.
        """
        own = _photos(self._in_use).where(col(Enrolment.person_id) == col(Person.id))
        count = own.with_only_columns(_COUNT).scalar_subquery()
        newest = own.with_only_columns(_NEWEST).scalar_subquery()
        cover = case(
            (self._needs_photo(col(Person.id)), Cover.RENEW.value),
            (count == 0, Cover.MISSING.value),
            else_=self._kind(count, newest),
        )
        query = (
            sqlalchemy.select(col(Person.id), cover, count, newest)
            .where(cover.in_([one.value for one in kinds]), self._live.of(col(Person.id)))
            .order_by(*BY_NAME)
        )
        rows = self._db.execute(query.limit(limit).offset(offset)).all()
        pending = set(_pending(self._db, [row[0] for row in rows]))
        return [
            CoverageLine(key, Cover(name), photos, latest, key in pending)
            for key, name, photos, latest in rows
        ]

    def _kind(
        self, count: ColumnElement[int], newest: ColumnElement[datetime]
    ) -> ColumnElement[str]:
        """Return the kind of a person with photos in use who needs none for another network."""
        return case(
            (newest < self._fresh_from, Cover.OLD.value),
            (count < self._wanted, Cover.WEAK.value),
            else_=Cover.READY.value,
        )

    def _count_in_need(self) -> int:
        person = col(Person.id)
        query = select(func.count()).where(self._needs_photo(person), self._live.of(person))
        return self._db.exec(query).one()


_COUNT = func.count(col(Enrolment.id)).label("count")
#: A photo's time is its enrolment's: templates for a further model are younger than the face.
_NEWEST = func.max(col(Enrolment.created_at)).label("newest")


def _photos(in_use: ColumnElement[bool]) -> Any:
    """Photos in use: how many, and when the newest was taken in."""
    has_one = exists().where(col(Template.enrolment_id) == col(Enrolment.id), in_use)
    return sqlalchemy.select(col(Enrolment.person_id), _COUNT, _NEWEST).where(has_one)


def _pending(db: Session, people: Sequence[uuid.UUID]) -> Iterable[uuid.UUID]:
    """Which of these have a photo without its templates, or templates that wait for their check."""
    waiting = Enrolment.status == EnrolmentStatus.PENDING.value
    of_these = col(Enrolment.person_id).in_(people)
    yield from db.exec(select(Enrolment.person_id).where(waiting, of_these))
    unchecked = col(Template.checked_at).is_(None)
    yield from db.exec(
        select(Template.person_id).where(unchecked, col(Template.person_id).in_(people))
    )
