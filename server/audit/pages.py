"""The audit page: newest entries first, and whether the chain is whole."""

from typing import Annotated

from fastapi import Query, Request
from starlette.responses import Response

from server.audit import service
from server.db.dependencies import ReadDBDep
from server.web.access import require_role
from server.web.pages import render
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter

router = GuardedRouter(include_in_schema=False)
_PAGE = 100


@router.get("/audit")
def audit_page(
    request: Request,
    _: Annotated[Principal, require_role(Role.DPO)],
    db: ReadDBDep,
    before: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    verify: bool = False,
) -> Response:
    """List entries."""
    entries = service.recent(db, before=before, limit=_PAGE)
    older = entries[-1].seq if len(entries) == _PAGE else None
    result = service.verify(db) if verify else None
    context = {"entries": entries, "older": older, "result": result}
    return render(request, "audit/list.html", context)
