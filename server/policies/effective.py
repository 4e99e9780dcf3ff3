"""What holds where: the school's policy with what a room and a course have of their own.

A course's own setting comes before the room's, and the room's before the school's.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from server.policies.schemas import SchoolPolicy
from server.policies.scopes import PolicyPlace, Scope, may_differ

#: Settings of a room's or a course's own, by group and name, as JSON writes them.
Own = Mapping[str, Mapping[str, Any]]
NONE: Own = {}


@dataclass(frozen=True)
class Effective:
    """The policy of a place.

    Attributes:
        policy: with the number of its version.
        sources: where settings come from, by group and name, if not from the school.
    """

    policy: SchoolPolicy
    sources: Mapping[tuple[str, str], Scope] = field(default_factory=dict)

    def source(self, group: str, name: str) -> Scope:
        """Return where a setting comes from."""
        return self.sources.get((group, name), Scope.SCHOOL)


def effective(school: SchoolPolicy, room: Own = NONE, course: Own = NONE) -> Effective:
    """Return the policy that holds for a course in a room, and where each setting comes from."""
    document = school.model_dump(mode="json")
    sources: dict[tuple[str, str], Scope] = {}
    for scope, own in ((Scope.ROOM, room), (Scope.COURSE, course)):
        for group, name, value in _settings(scope, own):
            document[group][name] = value
            sources[group, name] = scope
    return (
        Effective(SchoolPolicy.model_validate(document), sources) if sources else Effective(school)
    )


def _settings(scope: Scope, own: Own) -> Iterator[tuple[str, str, Any]]:
    """Return the settings that may differ there; a later version may know others."""
    for group, values in own.items():
        for name, value in values.items():
            if may_differ(scope, group, name):
                yield group, name, value


class PolicySet:
    """One version: the school's policy, and what rooms and courses have of their own.

    Never changed once made, so every thread may share it.
    """

    def __init__(self, school: SchoolPolicy, own: Mapping[PolicyPlace, Own] | None = None) -> None:
        self.school = school
        self.own: Mapping[PolicyPlace, Own] = {
            place: one for place, one in (own or {}).items() if one
        }
        self._rooms = {one.id: own for one, own in self.own.items() if one.scope is Scope.ROOM}
        self._courses = {one.id: own for one, own in self.own.items() if one.scope is Scope.COURSE}
        self._known: dict[tuple[uuid.UUID | None, uuid.UUID | None], Effective] = {
            (None, None): Effective(school)
        }

    @property
    def version(self) -> int:
        """Its number."""
        return self.school.version

    def own_of(self, place: PolicyPlace) -> Own:
        """Return the own settings of a room or a course."""
        return self.own.get(place, NONE)

    def at(self, room_id: uuid.UUID | None = None, course_id: uuid.UUID | None = None) -> Effective:
        """Return what holds in a room, in a course, or in a course that meets in a room.

        Many lessons have one answer, which is the same object.
        """
        room = room_id if room_id in self._rooms else None
        course = course_id if course_id in self._courses else None
        found = self._known.get((room, course))
        if found is None:
            own = self._rooms[room] if room else NONE, self._courses[course] if course else NONE
            found = self._known[room, course] = effective(self.school, *own)
        return found

    def of(self, place: PolicyPlace) -> Effective:
        """Return what holds in a room alone, or in a course wherever it meets."""
        return self.at(place.id) if place.scope is Scope.ROOM else self.at(None, place.id)

    def everywhere(self) -> Iterator[SchoolPolicy]:
        """Return the school's policy and that of each room and course with its own settings."""
        yield self.school
        for place in self.own:
            yield self.of(place).policy

    def with_school(self, school: SchoolPolicy) -> "PolicySet":
        """Return the same with another policy of the school."""
        return PolicySet(school, self.own)

    def with_own(self, place: PolicyPlace, own: Own) -> "PolicySet":
        """Return the same with other settings of one room or course; none: without them."""
        return PolicySet(self.school, {**self.own, place: own})


def read_own(document: Mapping[str, Any]) -> dict[PolicyPlace, Own]:
    """Read what rooms and courses have of their own from a stored version."""
    stored = document.get("own", {})
    return {
        PolicyPlace(scope, uuid.UUID(key)): own
        for scope in (Scope.ROOM, Scope.COURSE)
        for key, own in stored.get(scope, {}).items()
    }


def write_own(policies: PolicySet) -> dict[str, dict[str, Own]]:
    """Write the same for the database."""
    found: dict[str, dict[str, Own]] = {}
    for place in sorted(policies.own, key=lambda one: (one.scope, one.id)):
        found.setdefault(place.scope.value, {})[place.id.hex] = policies.own[place]
    return found
