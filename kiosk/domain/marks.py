"""Which students were marked in which lesson, and which matches a person called wrong."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from kiosk.domain.sightings import Recognition
from protocol.v1.messages import ArrivalStatus, Direction

DENIED_MARGIN = 0.04
"""After "Not me", a match must be closer than the denied one by this much, on the scale that all
cards share. Source: docs/measurements/not-me.md."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A person recorded as seen in a lesson.

    Attributes:
        event_id: of the newest event.
        at_s: monotonic, of the newest event.
        status: of the first event in this lesson; later ones never change it.
        late_min: likewise.
        direction: of the newest event with one; None where the policy asks for none.
    """

    event_id: str
    person_id: str
    lesson_id: str
    at_s: float
    status: ArrivalStatus
    late_min: int
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class Denial:
    """A match that the person in front of the kiosk rejected.

    Only the distance is kept: no embedding of a person who said that the match is wrong.

    Attributes:
        person_id: who was matched.
        lesson_id: the lesson it was for; the denial ends with it.
        distance: of the denied match.
    """

    person_id: str
    lesson_id: str
    distance: float


@dataclass(frozen=True, slots=True)
class RememberedMark:
    """A mark of the last day, as the disk remembers it across a restart.

    Attributes:
        at: when it was made, UTC, by the best time the kiosk had.
        status: what the person saw.
        direction: whether the person came or left.
    """

    event_id: str
    person_id: str
    lesson_id: str
    at: datetime
    status: ArrivalStatus
    direction: Direction | None = None


@dataclass(frozen=True, slots=True)
class MarkMemory:
    """What a restarted kiosk knows of the last day: marks, and matches called wrong."""

    marks: tuple[RememberedMark, ...] = ()
    denials: tuple[Denial, ...] = ()


@dataclass(slots=True)
class MarkBook:
    """The marks and denials of the lessons this kiosk knows, newest per person and lesson."""

    _marks: dict[tuple[str, str], Mark] = field(default_factory=dict)
    _denials: dict[tuple[str, str], Denial] = field(default_factory=dict)
    _noted_s: dict[str, float] = field(default_factory=dict)
    _events: dict[tuple[str, str], list[str]] = field(default_factory=dict)

    def get(self, person_id: str, lesson_id: str) -> Mark | None:
        """Return the mark of this person in this lesson, if there is one."""
        return self._marks.get((person_id, lesson_id))

    def add(self, mark: Mark) -> None:
        """Remember a mark in place of the one before."""
        key = (mark.person_id, mark.lesson_id)
        self._marks[key] = mark
        events = self._events.setdefault(key, [])
        if mark.event_id not in events:
            events.append(mark.event_id)

    def void(self, mark: Mark) -> None:
        """Forget what one event said; what others said, a teacher's word say, stays."""
        self.forget_event(mark.person_id, mark.lesson_id, mark.event_id)

    def events_of(self, person_id: str, lesson_id: str) -> tuple[str, ...]:
        """Return the events that mark this person in this lesson, none of them taken back."""
        return tuple(self._events.get((person_id, lesson_id), ()))

    def forget_event(self, person_id: str, lesson_id: str, event_id: str) -> None:
        """Forget an event that was taken back; with the last one the mark goes too."""
        key = (person_id, lesson_id)
        left = [one for one in self._events.get(key, ()) if one != event_id]
        if left:
            self._events[key] = left
        else:
            self._events.pop(key, None)
            self._marks.pop(key, None)

    def deny(self, denial: Denial) -> None:
        """Remember a match that was called wrong; of several the closest one counts."""
        key = (denial.person_id, denial.lesson_id)
        kept = self._denials.get(key)
        if kept is None or denial.distance < kept.distance:
            self._denials[key] = denial

    def is_denied(self, found: Recognition, lesson_ids: Iterable[str]) -> bool:
        """Return whether this match is no better than one called wrong in one of these lessons."""
        denials = [self._denials.get((found.person_id, lesson_id)) for lesson_id in lesson_ids]
        return any(
            denial is not None and found.distance > denial.distance - DENIED_MARGIN
            for denial in denials
        )

    def note(self, person_id: str, now_s: float, window_s: float) -> bool:
        """Note a person who is not marked. False when that was already done within the window."""
        noted_s = self._noted_s.get(person_id)
        if noted_s is not None and now_s - noted_s < window_s:
            return False
        self._noted_s[person_id] = now_s
        return True

    def keep_only(self, lesson_ids: frozenset[str]) -> None:
        """Forget the lessons that are over."""
        self._marks = {key: mark for key, mark in self._marks.items() if key[1] in lesson_ids}
        self._denials = {key: kept for key, kept in self._denials.items() if key[1] in lesson_ids}
        self._events = {key: kept for key, kept in self._events.items() if key[1] in lesson_ids}
