"""Which course and room an event names, and which terms and holidays the school has."""

import uuid
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from server.imports.findings import RowError
from server.people.folding import fold
from server.timetable.patterns.generation import closed_days
from server.timetable.tables import Course, Room, Term

_LONGEST_SHOWN = 80


@dataclass(frozen=True)
class NamedPlace:
    """A course or a room.

    Attributes:
        name: what reports call it.
    """

    id: uuid.UUID
    name: str


class CalendarPlaces:
    """What events may name. Names are compared without case, accents and punctuation.

    A course is named by its code, its title, or both, as Rollcall's calendar addresses do.

    Attributes:
        terms: all terms, by their first days.
        closed: the dates of all terms that lie in holidays.
    """

    def __init__(self, db: Session) -> None:
        self._courses: dict[str, dict[uuid.UUID, NamedPlace]] = {}
        self._codes: dict[str, NamedPlace] = {}
        self._rooms: dict[str, dict[uuid.UUID, NamedPlace]] = {}
        self._room_names: dict[str, NamedPlace] = {}
        for course_id, code, title in db.exec(select(Course.id, Course.code, Course.title)):
            course = self._codes[code] = NamedPlace(course_id, code)
            for name in (code, title, f"{code} {title}"):
                self._courses.setdefault(fold(name), {})[course_id] = course
        for room_id, name in db.exec(select(Room.id, Room.name)):
            room = self._room_names[name] = NamedPlace(room_id, name)
            self._rooms.setdefault(fold(name), {})[room_id] = room
        query = select(Term).order_by(col(Term.first_day), col(Term.id))
        self.terms = list(db.exec(query))
        self.closed = self._closed(db)

    def course(self, text: str) -> NamedPlace:
        """Return the course that an event is called after.

        Raises:
            RowError: there is none, or more than one.
        """
        if not text:
            raise RowError("calendar_no_name")
        return self._codes.get(text) or _only(self._courses, text, "calendar_course")

    def room(self, text: str) -> NamedPlace:
        """Return the room that an event is in.

        Raises:
            RowError: there is none, or more than one.
        """
        if not text:
            raise RowError("calendar_no_place")
        return self._room_names.get(text) or _only(self._rooms, text, "calendar_room")

    def term_of(self, day: date) -> Term | None:
        """Return the term that a date lies in."""
        return next((one for one in self.terms if one.first_day <= day <= one.last_day), None)

    def code_of(self, course_id: uuid.UUID) -> str:
        """Return the code of a course."""
        return next((one.name for one in self._codes.values() if one.id == course_id), "")

    def _closed(self, db: Session) -> set[date]:
        """Return the dates of all terms that lie in holidays."""
        if not self.terms:
            return set()
        return closed_days(db, self.terms[0].first_day, max(one.last_day for one in self.terms))


def _only(places: dict[str, dict[uuid.UUID, NamedPlace]], text: str, reason: str) -> NamedPlace:
    found = list(places.get(fold(text), {}).values())
    if len(found) != 1:
        name = f"{reason}_twice" if found else reason
        raise RowError(name, value=text[:_LONGEST_SHOWN])
    return found[0]
