"""The page that says how well this school's people are told apart."""

import uuid
from typing import Annotated

from fastapi import Request
from starlette.responses import Response

from server.accuracy import service
from server.attendance.false_matches import DAYS, count_false_matches
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.policies.service import current_policy
from server.timetable.service import courses
from server.web.access import AdminDep, require_role
from server.web.figures import one_in, percent, percents, upper_end
from server.web.pages import is_htmx, render, see_other
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/accuracy", include_in_schema=False)
ReaderDep = Annotated[Principal, require_role(Role.DPO)]


@router.get("")
def accuracy_page(request: Request, _: ReaderDep, db: ReadDBDep) -> Response:
    """The newest figures of every model in use."""
    # While a measurement runs, the page asks for its other part every 2 s; that needs no count.
    false_matches = None if is_htmx(request) else count_false_matches(db, at=now())
    context = {
        "false_matches": false_matches,
        "days": DAYS,
        "percents": percents,
        "models": service.state(db),
        "policy": current_policy(db),
        "courses": {str(course.id): course for course in courses(db)},
        "by_size": service.by_size,
        "one_in": one_in,
        "upper_end": upper_end,
        "percent": percent,
        "rounded_down": service.rounded_down,
        "usable_ceiling": service.usable_ceiling,
    }
    return render(request, "accuracy/accuracy.html", context)


@router.post("")
def measure(principal: AdminDep, db: DBDep) -> Response:
    """Ask for new figures; they appear on the page when they are there."""
    service.request(db, actor=principal.actor)
    return see_other("/accuracy")


@router.post("/{measurement_id}/ceiling")
def use_as_ceiling(measurement_id: uuid.UUID, principal: AdminDep, db: DBDep) -> Response:
    """Put a policy in force whose limits stay below what was measured.

    Raises:
        NotFoundError: no such measurement.
        ConflictError: it has no such figure.
    """
    service.use_as_ceiling(db, measurement_id, actor=principal.actor)
    return see_other("/policy?saved=true")
