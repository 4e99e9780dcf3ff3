"""Holidays: the JSON API."""

import uuid

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.timetable.holidays import service
from server.timetable.holidays.schemas import HolidayCreate, HolidayRead
from server.timetable.tables import Holiday
from server.web.access import OfficeDep, SignedInDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1/holidays", tags=["timetable"])


def _read(row: Holiday) -> HolidayRead:
    return HolidayRead(id=row.id, name=row.name, first_day=row.first_day, last_day=row.last_day)


@router.get("")
def list_holidays(_: SignedInDep, db: ReadDBDep) -> list[HolidayRead]:
    """Every holiday, by its first day."""
    return [_read(row) for row in service.holidays(db)]


@router.post("", status_code=201)
def create_holiday(
    body: HolidayCreate, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> HolidayRead:
    """Add a holiday. Lessons of weekly patterns that lie in it and have not started go."""
    return _read(
        service.create_holiday(db, body, zone=settings.zone, at=now(), actor=principal.actor)
    )


@router.put("/{holiday_id}")
def change_holiday(
    holiday_id: uuid.UUID,
    body: HolidayCreate,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
) -> HolidayRead:
    """Change a holiday; lessons of weekly patterns come and go with its dates."""
    row = service.change_holiday(
        db, holiday_id, body, zone=settings.zone, at=now(), actor=principal.actor
    )
    return _read(row)


@router.delete("/{holiday_id}", status_code=204)
def delete_holiday(
    holiday_id: uuid.UUID, principal: OfficeDep, db: DBDep, settings: SettingsDep
) -> None:
    """Delete a holiday: weekly patterns have lessons on its dates again."""
    service.delete_holiday(db, holiday_id, zone=settings.zone, at=now(), actor=principal.actor)
