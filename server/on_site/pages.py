"""The on-site list as a page: printable, usable on a phone, and offline once it is loaded."""

from fastapi import Request
from starlette.responses import Response

from server.attendance.access import RegisterDep
from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.on_site.rules import SitePlace
from server.on_site.service import site_list
from server.web.pages import render
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(include_in_schema=False)


@router.get("/on-site")
def on_site_page(request: Request, _: RegisterDep, db: ReadDBDep) -> Response:
    """Who is on site now. Teachers see the whole school: an evacuation concerns everybody."""
    found = site_list(db, zone=get_settings(request).zone, at=now())
    return render(request, "on_site/on_site.html", {"found": found, "places": list(SitePlace)})
