"""The short page of a course, shown beside the list of courses."""

import uuid

from fastapi import Request
from starlette.responses import Response

from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.timetable import roster, service
from server.timetable.groups.service import groups_of_course
from server.timetable.local_time import local_date
from server.timetable.teachers import teacher_names
from server.web.access import OfficeDep
from server.web.pages import render
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(include_in_schema=False)


@router.get("/courses/{course_id}/short")
def short_course_page(
    request: Request, course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep, settings: SettingsDep
) -> Response:
    """Show who teaches a course and who is listed today."""
    today = local_date(now(), settings.zone)
    context = {
        "course": service.course_of(db, course_id),
        "teachers": teacher_names(db, course_id, today),
        "groups": groups_of_course(db, course_id, since=today),
        "people": [person for _entry, person in roster.roster_people(db, course_id, on=today)],
    }
    return render(request, "timetable/short.html", context)
