"""Weekly patterns: the JSON API."""

import uuid

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.timetable.patterns import service
from server.timetable.patterns.clashes import Clash
from server.timetable.patterns.schemas import (
    ClashRead,
    PatternBody,
    PatternCreate,
    PatternList,
    PatternRead,
)
from server.timetable.patterns.service import ORDER, ClashError, PatternPlan, PlanOptions
from server.timetable.tables import LessonPattern, Weeks
from server.web.access import OfficeDep
from server.web.cursors import ListQueryDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

_LIST = "patterns"
router = GuardedRouter(prefix="/api/v1/patterns", tags=["timetable"])


@router.get("")
def list_patterns(
    _: OfficeDep, db: ReadDBDep, asked: ListQueryDep, course_id: uuid.UUID | None = None
) -> PatternList:
    """Weekly patterns, in the order in which they were added."""
    part = service.patterns_part(db, asked.wanted(_LIST, ORDER), course_id=course_id)
    return PatternList(
        patterns=[_read(pattern) for (pattern,) in part.rows],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


@router.post("", status_code=201)
def create_pattern(
    body: PatternCreate, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> PatternRead:
    """Add a weekly pattern and plan its lessons.

    409 `timetable_clash` lists other lessons at the same time in `clashes`. Where none is in the
    same room, repeat the request with `allow_clashes` if it is meant.
    """
    options = PlanOptions(settings.zone, now(), allow_clashes=body.allow_clashes)
    try:
        return _read(service.create_pattern(db, _plan(body), options, actor=principal.actor))
    except ClashError as exc:
        raise _listed(exc) from None


@router.put("/{pattern_id}")
def change_pattern(
    pattern_id: uuid.UUID,
    body: PatternCreate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> PatternRead:
    """Change a pattern. Lessons that have not started follow and keep their ids."""
    options = PlanOptions(settings.zone, now(), allow_clashes=body.allow_clashes)
    try:
        row = service.change_pattern(db, pattern_id, _plan(body), options, actor=principal.actor)
    except ClashError as exc:
        raise _listed(exc) from None
    return _read(row)


@router.delete("/{pattern_id}", status_code=204)
def delete_pattern(
    pattern_id: uuid.UUID, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> None:
    """Delete a pattern with its lessons to come.

    Lessons stay that have started, that a person changed, or for which anything was recorded.
    """
    service.delete_pattern(db, pattern_id, zone=settings.zone, at=now(), actor=principal.actor)


def _plan(body: PatternCreate) -> PatternPlan:
    return PatternPlan(**{name: getattr(body, name) for name in PatternBody.model_fields})


def _read(row: LessonPattern) -> PatternRead:
    return PatternRead(
        id=row.id,
        term_id=row.term_id,
        course_id=row.course_id,
        room_id=row.room_id,
        weekday=row.weekday,
        starts=row.starts,
        ends=row.ends,
        weeks=Weeks(row.weeks),
        first_day=row.first_day,
        last_day=row.last_day,
    )


def _listed(error: ClashError) -> ClashError:
    error.details["clashes"] = [_clash(one).model_dump(mode="json") for one in error.clashes]
    return error


def _clash(clash: Clash) -> ClashRead:
    return ClashRead(
        kind=clash.kind,
        course_id=clash.course_id,
        room_id=clash.room_id,
        starts_at=clash.starts_at,
        ends_at=clash.ends_at,
        lessons=clash.lessons,
        people=len(clash.who),
    )
