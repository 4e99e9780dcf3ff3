"""Who is on site: pure rules, no database, no clock.

The list errs on the safe side: who was seen stays on it until a kiosk saw them leave, and who
checked out is listed apart, as leaving a lesson does not prove leaving the building.
"""

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from protocol.v1.messages import Direction


class SitePlace(StrEnum):
    """Where a person is as far as the server knows."""

    ON_SITE = "on_site"
    NOT_SEEN = "not_seen"  # expected in a lesson that has begun
    CHECKED_OUT = "checked_out"


class Seen(NamedTuple):
    """When and where a person was last seen, by a kiosk or a teacher."""

    at: datetime
    room: str
    direction: str | None = None


@dataclass(frozen=True)
class SiteLesson:
    """A lesson of today that counts, and who is due in it."""

    lesson_id: uuid.UUID
    starts_at: datetime
    people: Collection[uuid.UUID]


@dataclass(frozen=True)
class Whereabouts:
    """Everybody who is to be looked for.

    Attributes:
        places: by person.
        lessons: of each person the lesson that began last, else the next one of today.
        reported: how many are not expected, as their absence was reported.
    """

    places: dict[uuid.UUID, SitePlace] = field(default_factory=dict)
    lessons: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    reported: int = 0


def whereabouts(
    lessons: Iterable[SiteLesson],
    seen: Mapping[uuid.UUID, Seen],
    excused: Collection[tuple[uuid.UUID, uuid.UUID]],
    *,
    at: datetime,
) -> Whereabouts:
    """Derive who is on site.

    Args:
        lessons: of today, without cancelled ones, in any order.
        seen: the last sighting of each person today.
        excused: lesson and person, where an absence was reported or excused.
        at: now.
    """
    nearest: dict[uuid.UUID, uuid.UUID] = {}
    begun: set[uuid.UUID] = set()
    for one in sorted(lessons, key=lambda one: (one.starts_at, one.lesson_id)):
        if one.starts_at <= at:
            nearest.update(dict.fromkeys(one.people, one.lesson_id))
            begun.update(one.people)
        else:
            nearest = dict.fromkeys(one.people, one.lesson_id) | nearest
    unseen = begun - seen.keys()
    away = {person for person in unseen if (nearest[person], person) in excused}
    places = dict.fromkeys(unseen - away, SitePlace.NOT_SEEN)
    for person, last in seen.items():
        is_out = last.direction == Direction.OUT
        places[person] = SitePlace.CHECKED_OUT if is_out else SitePlace.ON_SITE
    kept = {person: nearest[person] for person in places if person in nearest}
    return Whereabouts(places, kept, len(away))
