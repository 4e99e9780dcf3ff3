"""The short page of a person, shown beside the list of people."""

import uuid

from fastapi import Request
from starlette.responses import Response

from server.db.dependencies import DBDep
from server.enrollment import service
from server.enrollment.people_pages import Reader
from server.enrollment.photo import school_date
from server.enrollment.places import places_context
from server.people import service as people
from server.people.consent import ConsentState
from server.web.pages import render
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(include_in_schema=False)


@router.get("/people/{person_id}/short")
def short_person_page(
    request: Request, person_id: uuid.UUID, principal: Reader, db: DBDep
) -> Response:
    """Show what the list says about a person and a little more; recorded like the whole page."""
    today = school_date(get_settings(request))
    state = people.state_of(db, person_id, today)
    context = {
        "person": people.get_person(db, person_id),
        "state": state,
        "may_enrol": state is ConsentState.LIVE,
        "cover": service.coverage_of(db, [person_id])[person_id],
        **places_context(db, person_id, principal, today),
    }
    service.note_view(db, person_id, actor=principal.actor)
    return render(request, "enrollment/short.html", context)
