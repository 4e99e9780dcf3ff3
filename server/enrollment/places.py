"""Where a person is listed, for the pages about them."""

import uuid
from datetime import date

from sqlmodel import Session

from server.timetable.groups.exceptions import exceptions_of
from server.timetable.groups.listed import courses_on, groups_of_person
from server.web.principal import Principal, Role


def places_context(
    db: Session, person_id: uuid.UUID, principal: Principal, today: date
) -> dict[str, object]:
    """Return classes and courses of a date for those who plan; the privacy officer sees none."""
    if principal.role not in (Role.ADMIN, Role.OFFICE):
        return {"may_plan": False}
    return {
        "may_plan": True,
        "courses": courses_on(db, person_id, today),
        "groups": groups_of_person(db, person_id, today),
        "exceptions": exceptions_of(db, today, person_id=person_id),
    }
