"""Which people a list is about: by consent, by photos in use, and by their courses today."""

import uuid
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlalchemy import ColumnElement, exists, or_
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from server.enrollment.gallery import is_in_use
from server.enrollment.tables import Template
from server.networks.service import networks_of
from server.people.live_consents import LiveConsents, has_live_consent
from server.people.tables import Consent, Person
from server.timetable.tables import RosterEntry


class ConsentChoice(StrEnum):
    """What is known about a person's consent."""

    LIVE = "live"
    NONE = "none"
    ENDED = "ended"


class PhotoChoice(StrEnum):
    """Whether kiosks can recognise a person."""

    READY = "ready"
    MISSING = "missing"


class PlaceChoice(StrEnum):
    """Where a person stands at the school today."""

    COURSE = "course"
    NONE = "none"
    ERASED = "erased"


@dataclass(frozen=True)
class PeopleFilter:
    """What was chosen; None: all of them."""

    consent: ConsentChoice | None = None
    photos: PhotoChoice | None = None
    place: PlaceChoice | None = None
    course: uuid.UUID | None = None

    def conditions(self, db: Session, today: date) -> list[ColumnElement[bool]]:
        """Return the conditions on `Person` that together select the people.

        Args:
            db: the caller's.
            today: the school's date.
        """
        found: list[ColumnElement[bool]] = []
        if self.consent is not None:
            found += _consent(db, self.consent, today)
        if self.photos is not None:
            found.append(_photos(db, self.photos))
        if self.place is not None:
            found += _place(self.place, today)
        if self.course is not None:
            found.append(_is_listed(today, self.course))
        return found


def _consent(db: Session, wanted: ConsentChoice, today: date) -> list[ColumnElement[bool]]:
    said = exists().where(col(Consent.person_id) == col(Person.id))
    if wanted is ConsentChoice.NONE:
        return [~said]
    one = aliased(Person)
    having = select(one.id).where(has_live_consent(col(one.id)))
    live = col(Person.id).in_(having.params(LiveConsents(db, today).values))
    return [live] if wanted is ConsentChoice.LIVE else [said, ~live]


def _photos(db: Session, wanted: PhotoChoice) -> ColumnElement[bool]:
    in_use = is_in_use(networks_of(db).current)
    has_photo = exists().where(col(Template.person_id) == col(Person.id), in_use)
    return has_photo if wanted is PhotoChoice.READY else ~has_photo


def _place(wanted: PlaceChoice, today: date) -> list[ColumnElement[bool]]:
    is_erased = col(Person.erased_at).is_not(None)
    if wanted is PlaceChoice.ERASED:
        return [is_erased]
    listed = _is_listed(today)
    return [listed] if wanted is PlaceChoice.COURSE else [~listed, ~is_erased]


def _is_listed(today: date, course_id: uuid.UUID | None = None) -> ColumnElement[bool]:
    first, last = col(RosterEntry.from_date), col(RosterEntry.until_date)
    dates = or_(first.is_(None), first <= today), or_(last.is_(None), last >= today)
    if course_id is not None:  # few people: found by the course
        listed = select(RosterEntry.person_id).where(RosterEntry.course_id == course_id, *dates)
        return col(Person.id).in_(listed)
    # Most people: asked of each, which takes half as long as a list of all who are in a course.
    return exists().where(col(RosterEntry.person_id) == col(Person.id), *dates)
