"""Plan, edit, delete, cancel and restore lessons: the JSON API.

It lies beside the register, because what may be deleted depends on what was recorded.
"""

import uuid
from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends
from pydantic import AwareDatetime
from sqlmodel import Session

from server.attendance import service as attendance
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ForbiddenError, InvalidError
from server.timetable import lessons, service
from server.timetable.lesson_read import lesson_read
from server.timetable.lessons import LessonPlan
from server.timetable.local_time import local_date
from server.timetable.schemas import LessonCreate, LessonList, LessonRead, LessonUpdate, ReasonGiven
from server.timetable.service import LESSON_ORDER, LessonFilter
from server.timetable.teachers import substitute_account, visible_courses
from server.web.access import OfficeDep, SignedInDep, require_scope
from server.web.cursors import ListQueryDep
from server.web.principal import Principal, Role
from server.web.register_state import MOST_JUDGED, FindInState, RegisterState
from server.web.routes import GuardedRouter
from server.web.scopes import TokenScope
from server.web.state import FindInStateDep, SettingsDep

_LIST = "lessons"
router = GuardedRouter(prefix="/api/v1/lessons", tags=["lessons"])


def _plan(body: LessonCreate) -> LessonPlan:
    return LessonPlan(body.course_id, body.room_id, body.starts_at, body.ends_at, body.allow_double)


@router.post("", status_code=201)
def create_lesson(
    body: LessonCreate, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> LessonRead:
    """Plan a lesson. 409 `double_booking` asks; repeat with `allow_double` if it is meant."""
    added = lessons.create_lesson(
        db, _plan(body), zone=settings.zone, at=now(), actor=principal.actor
    )
    return lesson_read(service.lesson_view(db, added.id))


@dataclass(frozen=True)
class AskedLessons:
    """Which lessons a request asks for.

    Attributes:
        register: only those whose registers are in this state.
        find: finds them.
    """

    which: LessonFilter
    register: RegisterState | None
    find: FindInState


async def _asked_lessons(
    find: FindInStateDep,
    after: AwareDatetime | None = None,
    before: AwareDatetime | None = None,
    room_id: uuid.UUID | None = None,
    register: RegisterState | None = None,
) -> AskedLessons:
    rooms = None if room_id is None else [room_id]
    which = LessonFilter(after=after, before=before, room_ids=rooms)
    return AskedLessons(which, register, find)


@router.get("")
def list_lessons(
    principal: SignedInDep,
    db: ReadDBDep,
    settings: SettingsDep,
    asked: ListQueryDep,
    lessons_asked: Annotated[AskedLessons, Depends(_asked_lessons)],
) -> LessonList:
    """Lessons by start; for teachers those of their own courses.

    `register` lists those whose registers are in a state; an API token needs `attendance:read` for
    it. `pending` and `not_taken` are found among
    at most 200 lessons that are over: give `after` and `before`. 400 `too_many_lessons` otherwise.
    """
    own = visible_courses(db, principal, local_date(now(), settings.zone))
    wanted = asked.wanted(_LIST, LESSON_ORDER)
    which = replace(lessons_asked.which, courses=own, substitute=substitute_account(principal))
    which = _in_state(db, which, lessons_asked, principal)
    part = service.lesson_part(db, which, wanted)
    return LessonList(
        lessons=[lesson_read(view) for view in part.rows],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


def _in_state(
    db: Session, which: LessonFilter, asked: AskedLessons, principal: Principal
) -> LessonFilter:
    if asked.register is None:
        return which
    if principal.role not in (Role.ADMIN, Role.OFFICE, Role.TEACHER):
        raise ForbiddenError
    if principal.token is not None:
        require_scope(principal.token, TokenScope.ATTENDANCE_READ)
    found = asked.find(db, asked.register, which.ids_query(), at=now())
    if found.is_cut:
        raise InvalidError(
            f"More than {MOST_JUDGED} lessons would have to be judged. Give after and before.",
            problem="too_many_lessons",
            most=MOST_JUDGED,
        )
    return replace(which, further=(*which.further, found.condition))


@router.put("/{lesson_id}")
def change_lesson(
    lesson_id: uuid.UUID,
    body: LessonUpdate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> LessonRead:
    """Change a lesson that has not started."""
    lessons.change_lesson(
        db,
        lesson_id,
        _plan(body),
        zone=settings.zone,
        at=now(),
        actor=principal.actor,
    )
    return lesson_read(service.lesson_view(db, lesson_id))


@router.delete("/{lesson_id}", status_code=204)
def delete_lesson(lesson_id: uuid.UUID, principal: OfficeDep, db: DBDep) -> None:
    """Delete a lesson for which nothing was recorded."""
    attendance.delete_lesson(db, lesson_id, actor=principal.actor)


@router.post("/{lesson_id}/cancel")
def cancel_lesson(
    lesson_id: uuid.UUID, body: ReasonGiven, principal: OfficeDep, db: DBDep
) -> LessonRead:
    """Cancel a lesson: its lines stay but no longer count."""
    lessons.cancel_lesson(db, lesson_id, reason=body.reason, actor=principal.actor, at=now())
    return lesson_read(service.lesson_view(db, lesson_id))


@router.post("/{lesson_id}/restore")
def restore_lesson(
    lesson_id: uuid.UUID, body: ReasonGiven, principal: OfficeDep, db: DBDep
) -> LessonRead:
    """Let a cancelled lesson count again."""
    lessons.restore_lesson(db, lesson_id, reason=body.reason, actor=principal.actor, at=now())
    return lesson_read(service.lesson_view(db, lesson_id))
