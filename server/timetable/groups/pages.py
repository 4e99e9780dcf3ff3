"""Pages of classes and groups: the list, and one group with its members and courses."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from pydantic import Field
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.people.search import find_people
from server.timetable import service as timetable
from server.timetable.forms import RoomForm, SearchForm, Text
from server.timetable.groups import service
from server.timetable.groups.api import change_by
from server.timetable.groups.schemas import GroupCreate
from server.timetable.local_time import local_date, parse_date
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import get_settings
from server.web.strict import StrictInput

router = GuardedRouter(include_in_schema=False)
_CANDIDATES = 50


class MembersForm(StrictInput):
    """People for a group, and their first day."""

    person_ids: Annotated[list[uuid.UUID], Field(default_factory=list, max_length=_CANDIDATES)]
    from_date: Text = ""


class GroupCourseForm(StrictInput):
    """A course for a group, and its first day."""

    course_id: Text = ""
    from_date: Text = ""


class LastDayForm(StrictInput):
    """A last day."""

    until_date: Text = ""


@router.get("/groups")
def groups_page(request: Request, _: OfficeDep, db: ReadDBDep) -> Response:
    """Every class and group, and the form for another."""
    return _groups(request, db, RoomForm())


@router.post("/groups")
def create_group(
    request: Request, principal: OfficeDep, db: DBDep, form: Annotated[RoomForm, Form()]
) -> Response:
    """Add a class or group."""
    try:
        name = GroupCreate(name=form.name).name
        group = service.create_group(db, name, actor=principal.actor)
    except (ServerError, ValueError) as exc:
        return _groups(request, db, form, exc)
    return see_other(f"/groups/{group.id}")


@router.get("/groups/{group_id}")
def group_page(request: Request, group_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """One group: its members, its courses, and a search for people to add."""
    return _group(request, db, group_id)


@router.post("/groups/{group_id}")
def search_for_group(
    request: Request,
    group_id: uuid.UUID,
    _: OfficeDep,
    db: ReadDBDep,
    form: Annotated[SearchForm, Form()],
) -> Response:
    """The same with the people found; their names stay out of the address and its logs."""
    return _group(request, db, group_id, q=form.q)


@router.post("/groups/{group_id}/edit")
def rename_group(
    request: Request,
    group_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[RoomForm, Form()],
) -> Response:
    """Give the group another name."""
    service.group_of(db, group_id)
    try:
        name = GroupCreate(name=form.name).name
        with db.begin_nested():
            service.rename_group(db, group_id, name, actor=principal.actor)
    except (ServerError, ValueError) as exc:
        return _group(request, db, group_id, exc=exc)
    return see_other(f"/groups/{group_id}")


@router.post("/groups/{group_id}/members")
def add_members(
    request: Request,
    group_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[MembersForm, Form()],
) -> Response:
    """Put the chosen people into the group."""
    change = change_by(principal, get_settings(request))
    try:
        first = parse_date(form.from_date) if form.from_date else change.today
        with db.begin_nested():
            service.add_members(db, group_id, form.person_ids, first, change)
    except (ServerError, ValueError) as exc:
        return _group(request, db, group_id, exc=exc)
    return see_other(f"/groups/{group_id}")


@router.post("/groups/{group_id}/members/{member_id}/end")
def end_member(
    request: Request,
    group_id: uuid.UUID,
    member_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[LastDayForm, Form()],
) -> Response:
    """Set a member's last day."""
    change = change_by(principal, get_settings(request))
    try:
        last_day = parse_date(form.until_date)
        with db.begin_nested():
            service.end_member(db, group_id, member_id, last_day, change)
    except (ServerError, ValueError) as exc:
        return _group(request, db, group_id, exc=exc)
    return see_other(f"/groups/{group_id}")


@router.post("/groups/{group_id}/courses")
def add_course(
    request: Request,
    group_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[GroupCourseForm, Form()],
) -> Response:
    """Let a course take its students from the group."""
    change = change_by(principal, get_settings(request))
    try:
        first = parse_date(form.from_date) if form.from_date else change.today
        with db.begin_nested():
            service.add_course(db, group_id, uuid.UUID(form.course_id), first, change)
    except (ServerError, ValueError) as exc:
        return _group(request, db, group_id, exc=exc)
    return see_other(f"/groups/{group_id}")


@router.post("/groups/{group_id}/courses/{link_id}/end")
def end_course(
    request: Request,
    group_id: uuid.UUID,
    link_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[LastDayForm, Form()],
) -> Response:
    """Set the last day on which a course takes its students from the group."""
    change = change_by(principal, get_settings(request))
    try:
        last_day = parse_date(form.until_date)
        with db.begin_nested():
            service.end_course(db, group_id, link_id, last_day, change)
    except (ServerError, ValueError) as exc:
        return _group(request, db, group_id, exc=exc)
    return see_other(f"/groups/{group_id}")


def _groups(
    request: Request, db: Session, form: RoomForm, exc: Exception | None = None
) -> Response:
    today = local_date(now(), get_settings(request).zone)
    context = {
        "groups": service.groups_and_sizes(db, on=today),
        "form": form,
        "problem": problem_text(request_translator(request), exc),
    }
    return render(request, "timetable/groups.html", context, status_code=400 if exc else 200)


def _group(
    request: Request,
    db: Session,
    group_id: uuid.UUID,
    *,
    q: str = "",
    exc: Exception | None = None,
) -> Response:
    group = service.group_of(db, group_id)
    today = local_date(now(), get_settings(request).zone)
    rows = service.members(db, group_id)
    past = [row for row in rows if row[0].until_date and row[0].until_date < today]
    listed = [row for row in rows if row not in past]
    known = {person.id for row, person in listed if row.until_date is None}
    found, total = find_people(db, words=q, limit=_CANDIDATES) if q else ([], 0)
    links = service.courses_of(db, group_id)
    current = [one for one in links if not one[0].until_date or one[0].until_date >= today]
    taken = {course.id for row, course in current if row.until_date is None}
    context = {
        "group": group,
        "listed": listed,
        "past": past,
        "links": current,
        "courses": [one for one in timetable.courses(db) if one.id not in taken],
        "q": q,
        "candidates": [one for one in found if one.id not in known],
        "has_more": total > len(found),
        "today": today,
        "problem": problem_text(request_translator(request), exc),
    }
    return render(request, "timetable/group.html", context, status_code=400 if exc else 200)
