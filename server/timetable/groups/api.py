"""Classes and groups: the JSON API."""

import uuid

from server.config import Settings
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.timetable.groups import service
from server.timetable.groups.schemas import (
    GroupCourseCreate,
    GroupCourseRead,
    GroupCreate,
    GroupEnd,
    GroupRead,
    MemberRead,
    MembersCreate,
)
from server.timetable.groups.service import GroupChange
from server.timetable.local_time import local_date
from server.timetable.tables import CourseGroup, GroupMember
from server.web.access import OfficeDep
from server.web.principal import Principal
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1/groups", tags=["timetable"])


def change_by(principal: Principal, settings: Settings) -> GroupChange:
    """Return who changes a group now."""
    at = now()
    return GroupChange(principal.actor, at, local_date(at, settings.zone))


def _member_read(row: GroupMember) -> MemberRead:
    return MemberRead(
        id=row.id, person_id=row.person_id, from_date=row.from_date, until_date=row.until_date
    )


def _course_read(row: CourseGroup) -> GroupCourseRead:
    return GroupCourseRead(
        id=row.id, course_id=row.course_id, from_date=row.from_date, until_date=row.until_date
    )


@router.get("")
def list_groups(_: OfficeDep, db: ReadDBDep, settings: SettingsDep) -> list[GroupRead]:
    """Every class and group, by name."""
    rows = service.groups_and_sizes(db, on=local_date(now(), settings.zone))
    return [GroupRead(id=group.id, name=group.name) for group, _size in rows]


@router.post("", status_code=201)
def create_group(body: GroupCreate, principal: OfficeDep, db: DBDep) -> GroupRead:
    """Add a class or group."""
    group = service.create_group(db, body.name, actor=principal.actor)
    return GroupRead(id=group.id, name=group.name)


@router.patch("/{group_id}")
def rename_group(
    group_id: uuid.UUID, body: GroupCreate, principal: OfficeDep, db: DBDep
) -> GroupRead:
    """Give a class or group another name."""
    group = service.rename_group(db, group_id, body.name, actor=principal.actor)
    return GroupRead(id=group.id, name=group.name)


@router.get("/{group_id}/members")
def list_members(group_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> list[MemberRead]:
    """Everyone who is, was or will be in the group."""
    service.group_of(db, group_id)
    return [_member_read(row) for row, _person in service.members(db, group_id)]


@router.post("/{group_id}/members", status_code=201)
def add_members(
    group_id: uuid.UUID,
    body: MembersCreate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> list[MemberRead]:
    """Put people into the group. Rosters of its courses list them from that day, or today."""
    change = change_by(principal, settings)
    first = body.from_date or change.today
    rows = service.add_members(db, group_id, body.person_ids, first, change)
    return [_member_read(row) for row in rows]


@router.patch("/{group_id}/members/{member_id}", status_code=204)
def end_member(
    group_id: uuid.UUID,
    member_id: uuid.UUID,
    body: GroupEnd,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> None:
    """Set a member's last day. A stay that has not begun by then is deleted."""
    change = change_by(principal, settings)
    service.end_member(db, group_id, member_id, body.until_date, change)


@router.get("/{group_id}/courses")
def list_courses(group_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> list[GroupCourseRead]:
    """The courses that take, took or will take their students from the group."""
    service.group_of(db, group_id)
    return [_course_read(row) for row, _course in service.courses_of(db, group_id)]


@router.post("/{group_id}/courses", status_code=201)
def add_course(
    group_id: uuid.UUID,
    body: GroupCourseCreate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> GroupCourseRead:
    """Let a course take its students from the group, from a day on."""
    change = change_by(principal, settings)
    first = body.from_date or change.today
    return _course_read(service.add_course(db, group_id, body.course_id, first, change))


@router.patch("/{group_id}/courses/{link_id}", status_code=204)
def end_course(
    group_id: uuid.UUID,
    link_id: uuid.UUID,
    body: GroupEnd,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> None:
    """Set the last day on which the course takes its students from the group."""
    change = change_by(principal, settings)
    service.end_course(db, group_id, link_id, body.until_date, change)
