"""Rooms and courses with settings of their own, by name, for lists of them."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlmodel import Session

from server.policies.effective import PolicySet
from server.policies.own_forms import settings_of
from server.policies.scopes import PolicyPlace, Scope
from server.timetable import service as timetable


@dataclass(frozen=True)
class PlaceException:
    """A room or course with its own settings.

    Attributes:
        place: which.
        name: of the room, or code and title of the course.
        settings: names of the own settings.
    """

    place: PolicyPlace
    name: str
    settings: tuple[str, ...]


def listed_exceptions(db: Session, policies: PolicySet) -> list[PlaceException]:
    """Return every room, then every course with its own settings, by name."""
    names = names_of(db, policies.own)
    found = [
        PlaceException(
            place,
            names[place],
            tuple(
                one.name for one in settings_of(place.scope) if one.name in own.get(one.group, {})
            ),
        )
        for place, own in policies.own.items()
        if place in names
    ]
    return sorted(found, key=lambda one: (one.place.scope is Scope.COURSE, one.name.casefold()))


def names_of(
    db: Session, places: Collection[PolicyPlace] | Mapping[PolicyPlace, object]
) -> dict[PolicyPlace, str]:
    """Return the names of rooms and courses; one that is gone is left out."""
    scopes = {place.scope for place in places}
    found: dict[PolicyPlace, str] = {}
    if Scope.ROOM in scopes:
        found |= {PolicyPlace(Scope.ROOM, one.id): one.name for one in timetable.rooms(db)}
    if Scope.COURSE in scopes:
        ids = [place.id for place in places if place.scope is Scope.COURSE]
        courses = timetable.courses(db, only=ids)
        found |= {PolicyPlace(Scope.COURSE, one.id): f"{one.code} {one.title}" for one in courses}
    return {place: name for place, name in found.items() if place in places}


def all_places(db: Session) -> dict[Scope, list[tuple[str, str]]]:
    """Return every room and course for a list to choose from: what names it, and its name."""
    rooms = [(f"{Scope.ROOM}:{one.id}", one.name) for one in timetable.rooms(db)]
    courses = [
        (f"{Scope.COURSE}:{one.id}", f"{one.code} {one.title}") for one in timetable.courses(db)
    ]
    return {
        scope: found for scope, found in ((Scope.ROOM, rooms), (Scope.COURSE, courses)) if found
    }
