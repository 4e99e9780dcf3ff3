"""The first page: what runs now. Timetable and attendance fill it; this package only shows it."""

from fastapi import Request
from starlette.responses import Response

from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.web.access import SignedInDep
from server.web.pages import render
from server.web.paging import PageNumber, page_of
from server.web.routes import GuardedRouter
from server.web.state import TodayDep

_PAGE = 100
router = GuardedRouter(include_in_schema=False)


@router.get("/")
def today_page(
    request: Request,
    principal: SignedInDep,
    db: ReadDBDep,
    source: TodayDep,
    page: PageNumber = 1,
) -> Response:
    """Lessons of today, the running ones first."""
    content = source(db, principal, request)
    pager = page_of(content.lessons, page, _PAGE)
    return render(request, "web/today.html", {"content": content, "pager": pager, "at": now()})
