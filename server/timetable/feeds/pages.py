"""Pages of calendar addresses: one's own as a teacher, and the one of a course."""

import uuid
from typing import Any

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.timetable.feeds import service
from server.timetable.feeds.access import TeacherDep, address_of
from server.timetable.feeds.service import FeedOwner
from server.timetable.grid.subjects import SubjectKind
from server.timetable.service import course_of
from server.web.access import OfficeDep
from server.web.pages import render, see_other
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(include_in_schema=False)
_OWN, _OF_COURSE = "/calendar-feed", "/courses/{course_id}/calendar-feed"


@router.get(_OWN)
def own_feed_page(request: Request, principal: TeacherDep, db: ReadDBDep) -> Response:
    """A teacher's own calendar address."""
    return _page(request, db, FeedOwner.teacher(principal.account_id))


@router.post(_OWN)
def make_own_feed(request: Request, principal: TeacherDep, db: DBDep) -> Response:
    """Make it, or make a new one, and show it this once."""
    return _made(request, db, FeedOwner.teacher(principal.account_id), principal.actor)


@router.post(f"{_OWN}/end")
def end_own_feed(principal: TeacherDep, db: DBDep) -> Response:
    """Switch it off."""
    service.end(db, FeedOwner.teacher(principal.account_id), actor=principal.actor)
    return see_other(_OWN)


@router.get(_OF_COURSE)
def course_feed_page(
    request: Request, course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep
) -> Response:
    """The calendar address of a course."""
    return _page(request, db, FeedOwner.course(course_id))


@router.post(_OF_COURSE)
def make_course_feed(
    request: Request, course_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """Make it, or make a new one, and show it this once."""
    return _made(request, db, FeedOwner.course(course_id), principal.actor)


@router.post(f"{_OF_COURSE}/end")
def end_course_feed(course_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> Response:
    """Switch it off."""
    service.end(db, FeedOwner.course(course_id), actor=principal.actor)
    return see_other(_of_course(course_id))


def _page(request: Request, db: Session, owner: FeedOwner) -> Response:
    context = _context(db, owner) | {"feed": service.feed_of(db, owner), "address": ""}
    return render(request, "timetable/calendar_feed.html", context)


def _made(request: Request, db: Session, owner: FeedOwner, actor: str) -> Response:
    feed, secret = service.make(db, owner, actor=actor, at=now())
    address = address_of(request, get_settings(request), secret)
    context = _context(db, owner) | {"feed": feed, "address": address}
    return render(request, "timetable/calendar_feed.html", context, status_code=201)


def _context(db: Session, owner: FeedOwner) -> dict[str, Any]:
    if owner.kind is SubjectKind.COURSE:
        return {"course": course_of(db, owner.id), "path": _of_course(owner.id)}
    return {"course": None, "path": _OWN}


def _of_course(course_id: uuid.UUID) -> str:
    return f"/courses/{course_id}/calendar-feed"
