"""Who of the school can be recognised how well: counted and listed by the database."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache, partial
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy
from sqlalchemy import ColumnElement, bindparam, case, exists, func, literal, union_all
from sqlmodel import Session

from server.db.prepared import Prepared, several, table_of
from server.db.types import UTCDateTime
from server.enrollment.backfill import needs_a_photo
from server.enrollment.gallery import is_in_use
from server.enrollment.tables import Enrolment, EnrolmentStatus, Template
from server.networks.service import Networks, networks_of
from server.people.live_consents import LiveConsents, has_live_consent
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
        self._live = LiveConsents(db, today)
        self._statements = _statements(networks_of(db))
        # A photo of this moment or later is not old today.
        fresh_from = midnight(today - timedelta(days=policy.renew_after_days - 1), zone)
        self._values = self._live.values | {
            "wanted": policy.photos_wanted,
            "fresh_from": fresh_from,
        }

    def tally(self) -> dict[Cover, int]:
        """How many people there are of each kind."""
        counts = dict.fromkeys(Cover, 0)
        for name, number in self._statements.tally.rows(self._db, **self._values):
            counts[Cover(name)] = number
        counts[Cover.MISSING] = self._live.count() - sum(counts.values())
        return counts

    def lines(self, kinds: Sequence[Cover], *, limit: int, offset: int) -> list[CoverageLine]:
        """Return a part of the people of some kinds, by name.

        The photos are counted person by person: the database stops at the end of the part.
        """
        part = {"kinds": [one.value for one in kinds], "limit": limit, "offset": offset}
        rows = self._statements.lines.rows(self._db, **self._values, **part)
        pending = set(_PENDING.values(self._db, people=[row[0] for row in rows]))
        return [
            CoverageLine(key, Cover(name), photos, latest, key in pending)
            for key, name, photos, latest in rows
        ]


@dataclass(frozen=True)
class _Statements:
    """What coverage asks; it depends on the school's networks."""

    tally: Prepared
    lines: Prepared


_people, _enrolments, _templates = table_of(Person), table_of(Enrolment), table_of(Template)
_COUNT = func.count(_enrolments.c.id).label("count")
#: A photo's time is its enrolment's: templates for a further model are younger than the face.
_NEWEST = func.max(_enrolments.c.created_at).label("newest")


@lru_cache(maxsize=8)
def _statements(networks: Networks) -> _Statements:
    """Build the statements for the school's networks, which seldom change."""
    needs_photo = partial(needs_a_photo, networks)
    photos = _photos(networks).group_by(_enrolments.c.person_id).subquery()
    person = photos.c.person_id
    kind = _kind(photos.c.count, photos.c.newest).label("kind")
    covered = sqlalchemy.select(kind, func.count().label("people")).group_by(kind)
    covered = covered.where(has_live_consent(person), ~needs_photo(person))
    in_need = sqlalchemy.select(literal(Cover.RENEW.value), func.count()).where(
        needs_photo(_people.c.id), has_live_consent(_people.c.id)
    )
    return _Statements(Prepared(covered.union_all(in_need)), Prepared(_lines(networks)))


def _lines(networks: Networks) -> Any:
    own = _photos(networks).where(_enrolments.c.person_id == _people.c.id)
    count = own.with_only_columns(_COUNT).scalar_subquery()
    newest = own.with_only_columns(_NEWEST).scalar_subquery()
    cover = case(
        (needs_a_photo(networks, _people.c.id), Cover.RENEW.value),
        (count == 0, Cover.MISSING.value),
        else_=_kind(count, newest),
    )
    return (
        sqlalchemy.select(_people.c.id, cover, count, newest)
        .where(cover.in_(several("kinds")), has_live_consent(_people.c.id))
        .order_by(_people.c.sort_key, _people.c.id)
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )


def _kind(count: ColumnElement[int], newest: ColumnElement[datetime]) -> ColumnElement[str]:
    """Return the kind of a person with photos in use who needs none for another network."""
    return case(
        (newest < bindparam("fresh_from", type_=UTCDateTime), Cover.OLD.value),
        (count < bindparam("wanted"), Cover.WEAK.value),
        else_=Cover.READY.value,
    )


def _photos(networks: Networks) -> Any:
    """Photos in use: how many, and when the newest was taken in."""
    has_one = exists().where(
        _templates.c.enrolment_id == _enrolments.c.id, is_in_use(networks.current)
    )
    return sqlalchemy.select(_enrolments.c.person_id, _COUNT, _NEWEST).where(has_one)


#: Who of some people has a photo without its templates, or templates that wait for their check.
_PENDING = Prepared(
    union_all(
        sqlalchemy.select(_enrolments.c.person_id).where(
            _enrolments.c.status == EnrolmentStatus.PENDING.value,
            _enrolments.c.person_id.in_(several("people")),
        ),
        sqlalchemy.select(_templates.c.person_id).where(
            _templates.c.checked_at.is_(None), _templates.c.person_id.in_(several("people"))
        ),
    )
)
