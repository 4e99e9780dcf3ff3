"""Changes of the past: preview and make them by the JSON API."""

from server.attendance import past
from server.attendance.past import Confirmation
from server.attendance.past_kinds import AnyChange
from server.attendance.schemas import (
    PastChangeCreate,
    PastChangeList,
    PastChangeRead,
    PastLineRead,
    PastPreviewRead,
)
from server.attendance.tables import PastChange
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.web.access import OfficeDep
from server.web.cursors import ListQueryDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

_LIST = "past-changes"
router = GuardedRouter(prefix="/api/v1/past-changes", tags=["past changes"])


@router.get("")
def list_changes(_: OfficeDep, db: ReadDBDep, asked: ListQueryDep) -> PastChangeList:
    """Changes of the past, newest first."""
    part = past.past_changes_part(db, asked.wanted(_LIST, past.ORDER))
    return PastChangeList(
        changes=[_read(row) for (row,) in part.rows],
        total=part.total,
        next_cursor=asked.next_cursor(_LIST, part.last),
    )


@router.post("/preview")
def preview(body: AnyChange, _: OfficeDep, db: DBDep, settings: SettingsDep) -> PastPreviewRead:
    """Say which lines of which registers a change would alter; nothing is kept."""
    found = past.preview(db, body, zone=settings.zone, at=now())
    return PastPreviewRead(
        lines=[
            PastLineRead(
                lesson_id=one.view.lesson.id,
                person_id=one.person.id,
                display_name=one.person.display_name,
                before=one.before,
                after=one.after,
            )
            for one in found.lines
        ],
        fingerprint=found.fingerprint,
    )


@router.post("", status_code=201)
def make(
    body: PastChangeCreate, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> PastChangeRead:
    """Make a change as it was previewed. 409 where the registers changed since."""
    row = past.make(
        db,
        body.change,
        Confirmation(principal.actor, body.reason, body.fingerprint),
        zone=settings.zone,
        at=now(),
    )
    return _read(row)


def _read(row: PastChange) -> PastChangeRead:
    return PastChangeRead(
        id=row.id,
        kind=row.kind,
        document=row.document,
        lines_changed=row.lines_changed,
        reason=row.reason,
        made_by=row.made_by,
        made_at=row.made_at,
    )
