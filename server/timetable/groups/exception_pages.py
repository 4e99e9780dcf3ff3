"""The button with which the classes of a course decide about a student again."""

import uuid
from enum import StrEnum
from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from server.db.dependencies import DBDep
from server.timetable.groups.api import change_by
from server.timetable.groups.exceptions import end_exception
from server.web.access import OfficeDep
from server.web.pages import see_other
from server.web.routes import GuardedRouter
from server.web.state import get_settings
from server.web.strict import StrictInput

router = GuardedRouter(include_in_schema=False)


class BackTo(StrEnum):
    """The page that has the button."""

    COURSE = "course"
    PERSON = "person"


class EndExceptionForm(StrictInput):
    """Where the browser goes afterwards."""

    back: BackTo = BackTo.COURSE


@router.post("/courses/{course_id}/exceptions/{person_id}/end")
def follow_class_again(
    request: Request,
    course_id: uuid.UUID,
    person_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[EndExceptionForm, Form()],
) -> Response:
    """End the exception, and go back to the page of the course or of the person."""
    end_exception(db, course_id, person_id, change_by(principal, get_settings(request)))
    is_person = form.back is BackTo.PERSON
    return see_other(f"/people/{person_id}#places" if is_person else f"/courses/{course_id}")
