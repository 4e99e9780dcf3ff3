"""Which settings a room or a course may have as its own. Stands next to the schema of the policy.

Every setting of the schema is named here, so that a new one is decided about. What concerns how
faces are told apart, who is in a kiosk's gallery and what is kept holds for the whole school:
one room with weaker limits would weaken all, and data is kept by one rule.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Scope(StrEnum):
    """For what a setting holds, from the widest to the narrowest; the narrower one decides."""

    SCHOOL = "school"
    ROOM = "room"
    COURSE = "course"


@dataclass(frozen=True)
class PolicyPlace:
    """A room or a course that may have own settings."""

    scope: Scope
    id: uuid.UUID

    @property
    def subject(self) -> str:
        """What the audit trail calls it."""
        return f"{self.scope}:{self.id}"

    @property
    def path(self) -> str:
        """The page of its policy."""
        return f"/policy/{self.scope}s/{self.id}"


_NOWHERE: frozenset[Scope] = frozenset()
#: A kiosk hangs in a room, whichever course meets there.
_ROOM = frozenset({Scope.ROOM})
_BOTH = frozenset({Scope.ROOM, Scope.COURSE})

#: Where each setting may differ from the school's, by group and name.
MAY_DIFFER: Mapping[str, Mapping[str, frozenset[Scope]]] = {
    "recognition": dict.fromkeys(
        (
            "roster_fpir",
            "wide_fpir",
            "fixed_distance",
            "limit_ceiling",
            "minimum_margin",
            "frames_to_agree",
        ),
        _NOWHERE,
    ),
    "attendance": dict.fromkeys(
        (
            "opens_before_min",
            "late_after_min",
            "closes_after_start_min",
            "absent_grace_min",
            "duplicate_window_s",
            "direction",
            "leaving_from_min",
        ),
        _BOTH,
    ),
    "kiosk": {
        "liveness": _ROOM,
        "gallery": _NOWHERE,
        "fallbacks": _ROOM,
        "language": _ROOM,
        "not_me_s": _ROOM,
        "keeps_events_days": _NOWHERE,
    },
    "ages": {"without_year": _NOWHERE},
    "enrolment": dict.fromkeys(("keep_photos", "photos_wanted", "renew_after_days"), _NOWHERE),
}


def may_differ(scope: Scope, group: str, name: str) -> bool:
    """Return whether rooms, or courses, may have a setting of their own."""
    return scope in MAY_DIFFER.get(group, {}).get(name, _NOWHERE)
