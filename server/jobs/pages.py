"""The page of jobs: what waits, what failed and why; try again, or cancel."""

import uuid
from typing import Annotated

from fastapi import Request
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.jobs import service
from server.people.service import people_by_id
from server.web.access import AdminDep, require_role
from server.web.pages import render, see_other
from server.web.paging import PageNumber, read_page
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import CancelJobDep, ProblemsDep

router = GuardedRouter(prefix="/jobs", include_in_schema=False)
_PAGE = 50
ReaderDep = Annotated[Principal, require_role(Role.OFFICE, Role.DPO, Role.TECHNICIAN)]
_NAME_READERS = {Role.ADMIN, Role.OFFICE, Role.DPO}
_PERSON = "person:"


@router.get("")
def jobs_page(
    request: Request,
    principal: ReaderDep,
    db: ReadDBDep,
    problems: ProblemsDep,
    page: PageNumber = 1,
) -> Response:
    """List jobs, those that need a person first."""
    counts = service.counts(db)
    total = counts.waiting + counts.stuck
    pager = read_page(
        lambda limit, offset: (service.page(db, limit=limit, offset=offset), total), page, _PAGE
    )
    people = {
        job.subject: uuid.UUID(job.subject.removeprefix(_PERSON))
        for job in pager.rows
        if job.subject.startswith(_PERSON) and principal.role in _NAME_READERS
    }
    context = {
        "jobs": pager.rows,
        "pager": pager,
        "counts": counts,
        "people": people,
        "persons": people_by_id(db, set(people.values())),
        "most_attempts": service.MAX_ATTEMPTS,
        "problems": problems(request),
    }
    return render(request, "jobs/list.html", context)


@router.post("/retry")
def retry_all(principal: AdminDep, db: DBDep) -> Response:
    """Try every job again that failed too often."""
    service.retry_all(db, actor=principal.actor)
    return see_other("/jobs")


@router.post("/{job_id}/retry")
def retry(job_id: uuid.UUID, principal: AdminDep, db: DBDep) -> Response:
    """Try a job again at once.

    Raises:
        NotFoundError: it is done.
        ConflictError: it runs at this moment.
    """
    service.retry(db, job_id, actor=principal.actor)
    return see_other("/jobs")


@router.post("/{job_id}/cancel")
def cancel(job_id: uuid.UUID, principal: AdminDep, db: DBDep, cancel_job: CancelJobDep) -> Response:
    """Cancel a job; its handler follows up.

    Raises:
        NotFoundError: it is done.
        ConflictError: it runs at this moment.
    """
    cancel_job(db, job_id, actor=principal.actor)
    return see_other("/jobs")
