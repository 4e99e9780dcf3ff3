"""The address that calendar programs subscribe to: open to all who know its secret."""

from typing import Annotated

from fastapi import Header, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.timetable.feeds.calendar import etag_of, written
from server.timetable.feeds.lessons import feed_lessons
from server.timetable.feeds.service import FeedOwner, find
from server.timetable.grid.subjects import SubjectKind
from server.timetable.service import course_of
from server.web.access import PUBLIC
from server.web.etags import is_known
from server.web.routes import GuardedRouter
from server.web.state import LinkGateDep, SettingsDep
from server.web.translations import translator

router = GuardedRouter(include_in_schema=False)
_TYPE = "text/calendar; charset=utf-8"
_UNKNOWN = "This calendar address does not work. Ask for a new one.\n"
_FIXED = {
    "Cache-Control": "private, no-cache",
    "Content-Disposition": 'inline; filename="timetable.ics"',
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
}


@router.get("/calendar/{secret}.ics", dependencies=[PUBLIC])
def calendar(
    request: Request,
    secret: str,
    db: ReadDBDep,
    gate: LinkGateDep,
    settings: SettingsDep,
    if_none_match: Annotated[str, Header()] = "",
) -> Response:
    """The lessons of an address. Each one that does not work gets the same 404."""
    # Counted before the look-up: an address that was ended waits like one that works.
    if wait_s := gate.wait_of_link(f"calendar:{secret}"):
        return _busy(wait_s)
    owner = find(db, secret)
    if owner is None:
        host = request.client.host if request.client else "unknown"
        if wait_s := gate.wait_of_wrong_link(host):
            return _busy(wait_s)
        return Response(_UNKNOWN, status_code=404, headers=_FIXED, media_type="text/plain")
    at, school = now(), settings.school
    name = _name(db, owner, school.name, school.language)
    views = feed_lessons(db, owner, at=at, zone=settings.zone)
    headers = _FIXED | {"ETag": etag_of(views, name=name)}
    if is_known(headers["ETag"].removeprefix("W/"), if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(written(views, name=name, at=at), headers=headers, media_type=_TYPE)


def _name(db: Session, owner: FeedOwner, school: str, language: str) -> str:
    if owner.kind is SubjectKind.COURSE:
        course = course_of(db, owner.id)
        return f"{course.code} {course.title}"
    return translator(language)("feeds.calendar_name", school=school)


def _busy(wait_s: int) -> Response:
    return Response(status_code=429, headers=_FIXED | {"Retry-After": str(wait_s)})
