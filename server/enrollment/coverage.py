"""Who of the school can be recognised how well: the whole list, worked out anew each time."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from server.enrollment.backfill import in_need_of_a_photo
from server.enrollment.gallery import is_in_use
from server.enrollment.tables import Enrolment, EnrolmentStatus, Template
from server.networks.service import networks_of
from server.people import service as people
from server.people.consent import ConsentState
from server.people.search import BY_NAME
from server.people.tables import Person
from server.policies.schemas import EnrolmentPolicy


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


def lines(
    db: Session, policy: EnrolmentPolicy, *, today: date, zone: ZoneInfo
) -> list[CoverageLine]:
    """Everybody with a live consent, by name."""
    everybody = db.exec(select(Person.id).order_by(*BY_NAME)).all()
    states = people.states_of(db, everybody, today)
    photos = _photos_in_use(db)
    pending = set(_pending(db))
    in_need = in_need_of_a_photo(db)
    found = []
    for key in everybody:
        if states[key] is not ConsentState.LIVE:
            continue
        count, newest = photos.get(key, (0, None))
        age_days = (today - newest.astimezone(zone).date()).days if newest else 0
        cover = judge(policy, photos=count, age_days=age_days, is_in_need=key in in_need)
        found.append(CoverageLine(key, cover, count, newest, key in pending))
    return found


def judge(policy: EnrolmentPolicy, *, photos: int, age_days: int, is_in_need: bool) -> Cover:
    """Return how well a person is covered.

    Args:
        policy: how many photos are wanted, and how long one is good for.
        photos: in use.
        age_days: of the newest of them.
        is_in_need: whether a network can use none of their photos.
    """
    if is_in_need:
        return Cover.RENEW
    if photos == 0:
        return Cover.MISSING
    if age_days >= policy.renew_after_days:
        return Cover.OLD
    return Cover.WEAK if photos < policy.photos_wanted else Cover.READY


def tally(found: Iterable[CoverageLine]) -> dict[Cover, int]:
    """How many people there are of each kind."""
    counts = dict.fromkeys(Cover, 0)
    for line in found:
        counts[line.cover] += 1
    return counts


def _photos_in_use(db: Session) -> dict[uuid.UUID, tuple[int, datetime]]:
    """Photos in use and the newest one's time, by person.

    A photo's time is its enrolment's: templates for a further model are younger than the face.
    """
    query = (
        select(
            Enrolment.person_id,
            func.count(col(Enrolment.id).distinct()),
            func.max(col(Enrolment.created_at)),
        )
        .join(Template, col(Template.enrolment_id) == col(Enrolment.id))
        .where(is_in_use(networks_of(db).current))
        .group_by(col(Enrolment.person_id))
    )
    return {person_id: (count, newest) for person_id, count, newest in db.exec(query)}


def _pending(db: Session) -> Iterable[uuid.UUID]:
    """Who has a photo without its templates, or templates that wait for their check."""
    waiting = Enrolment.status == EnrolmentStatus.PENDING.value
    yield from db.exec(select(Enrolment.person_id).where(waiting).distinct())
    unchecked = col(Template.checked_at).is_(None)
    yield from db.exec(select(Template.person_id).where(unchecked).distinct())
