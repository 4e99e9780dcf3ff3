"""Calendar addresses over the API: one's own as a teacher, and those of courses."""

import uuid

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.timetable.feeds import service
from server.timetable.feeds.access import TeacherDep, address_of
from server.timetable.feeds.schemas import CalendarFeedMade, CalendarFeedRead
from server.timetable.feeds.service import FeedOwner
from server.web.access import OfficeDep
from server.web.routes import GuardedRouter
from server.web.state import get_settings

router = GuardedRouter(prefix="/api/v1", tags=["timetable"])
_OWN, _OF_COURSE = "/calendar-feed", "/courses/{course_id}/calendar-feed"


@router.get(_OWN)
def read_own_feed(principal: TeacherDep, db: ReadDBDep) -> CalendarFeedRead:
    """Whether you have a calendar address for your lessons. For teachers."""
    return _read(db, FeedOwner.teacher(principal.account_id))


@router.post(_OWN, status_code=201)
def make_own_feed(request: Request, principal: TeacherDep, db: DBDep) -> CalendarFeedMade:
    """Make a calendar address for your lessons, which ends the one before. For teachers."""
    return _make(request, db, FeedOwner.teacher(principal.account_id), principal.actor)


@router.delete(_OWN, status_code=204)
def end_own_feed(principal: TeacherDep, db: DBDep) -> Response:
    """Switch your calendar address off. For teachers."""
    service.end(db, FeedOwner.teacher(principal.account_id), actor=principal.actor)
    return Response(status_code=204)


@router.get(_OF_COURSE)
def read_course_feed(course_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> CalendarFeedRead:
    """Whether a course has a calendar address."""
    return _read(db, FeedOwner.course(course_id))


@router.post(_OF_COURSE, status_code=201)
def make_course_feed(
    request: Request, course_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> CalendarFeedMade:
    """Make a calendar address for a course, which ends the one before."""
    return _make(request, db, FeedOwner.course(course_id), principal.actor)


@router.delete(_OF_COURSE, status_code=204)
def end_course_feed(course_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> Response:
    """Switch the calendar address of a course off."""
    service.end(db, FeedOwner.course(course_id), actor=principal.actor)
    return Response(status_code=204)


def _read(db: Session, owner: FeedOwner) -> CalendarFeedRead:
    feed = service.feed_of(db, owner)
    return CalendarFeedRead(is_on=feed is not None, made_at=feed.created_at if feed else None)


def _make(request: Request, db: Session, owner: FeedOwner, actor: str) -> CalendarFeedMade:
    feed, secret = service.make(db, owner, actor=actor, at=now())
    address = address_of(request, get_settings(request), secret)
    return CalendarFeedMade(address=address, made_at=feed.created_at)
