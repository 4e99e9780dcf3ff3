"""The page that says who cannot be recognised, or not well, and why."""

from typing import Annotated

from fastapi import Query, Request
from pydantic import BeforeValidator
from starlette.responses import Response

from server.db.dependencies import ReadDBDep
from server.enrollment.coverage import Cover, Coverage
from server.enrollment.photo import school_date
from server.people.service import people_by_id
from server.policies.service import current_policy
from server.web.access import require_role
from server.web.pages import render
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(include_in_schema=False)
_PAGE = 50


@router.get("/people/coverage")
def coverage_page(
    request: Request,
    _: Annotated[Principal, require_role(Role.OFFICE, Role.DPO)],
    db: ReadDBDep,
    settings: SettingsDep,
    cover: Annotated[Cover | None, BeforeValidator(lambda text: text or None)] = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """Everybody with a live consent of one kind, or everybody who lacks something."""
    policy = current_policy(db).enrolment
    coverage = Coverage(db, policy, today=school_date(settings), zone=settings.zone)
    tally = coverage.tally()
    kinds = [cover] if cover else [one for one in Cover if one is not Cover.READY]
    count = sum(tally[one] for one in kinds)
    lines = coverage.lines(kinds, limit=_PAGE, offset=(page - 1) * _PAGE)
    context = {
        "tally": tally,
        "total": sum(tally.values()),
        "cover": cover,
        "lines": lines,
        "people": people_by_id(db, [line.person_id for line in lines]),
        "count": count,
        "page": page,
        "has_more": page * _PAGE < count,
        "policy": policy,
    }
    return render(request, "enrollment/coverage.html", context)
