"""The page that says who cannot be recognised, or not well, and why."""

from typing import Annotated

from fastapi import Request
from pydantic import BeforeValidator
from starlette.responses import Response

from server.db.dependencies import ReadDBDep
from server.enrollment.coverage import Cover, SchoolCoverage
from server.enrollment.photo import school_date
from server.people.service import people_by_id
from server.policies.service import current_policy
from server.web.access import require_role
from server.web.pages import render
from server.web.paging import PageNumber, read_page
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
    page: PageNumber = 1,
) -> Response:
    """Everybody with a live consent of one kind, or everybody who lacks something."""
    policy = current_policy(db).enrolment
    coverage = SchoolCoverage(db, policy, today=school_date(settings), zone=settings.zone)
    tally = coverage.tally()
    kinds = [cover] if cover else [one for one in Cover if one is not Cover.READY]
    count = sum(tally[one] for one in kinds)
    pager = read_page(
        lambda limit, offset: (coverage.lines(kinds, limit=limit, offset=offset), count),
        page,
        _PAGE,
    )
    context = {
        "tally": tally,
        "total": sum(tally.values()),
        "cover": cover,
        "lines": pager.rows,
        "people": people_by_id(db, [line.person_id for line in pager.rows]),
        "pager": pager,
        "policy": policy,
    }
    return render(request, "enrollment/coverage.html", context)
