"""Pages of the school's holidays: the list, adding, editing and deleting one."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ConflictError, ServerError
from server.timetable.forms import TermForm
from server.timetable.holidays import service
from server.timetable.holidays.schemas import HolidayCreate
from server.timetable.local_time import local_date
from server.timetable.planning_words import planning_problem
from server.timetable.tables import Holiday
from server.web.access import OfficeDep
from server.web.pages import render, request_translator, see_other
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, get_settings

router = GuardedRouter(include_in_schema=False)


class HolidayForm(TermForm):
    """A holiday: a name and dates, as for a term."""

    def body(self) -> HolidayCreate:
        """Return what is to be saved.

        Raises:
            BadLocalTimeError: a field is no date.
            ValueError: there is no name, or it is too long.
        """
        first_day, last_day = self.days()
        return HolidayCreate(name=self.name, first_day=first_day, last_day=last_day)


@router.get("/holidays")
def holidays_page(request: Request, _: OfficeDep, db: ReadDBDep) -> Response:
    """Every holiday; those that are over are folded away."""
    return _holidays(request, db, HolidayForm())


@router.post("/holidays")
def create_holiday(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[HolidayForm, Form()],
) -> Response:
    """Add a holiday."""
    try:
        with db.begin_nested():
            service.create_holiday(
                db, form.body(), zone=settings.zone, at=now(), actor=principal.actor
            )
    except (ServerError, ValueError) as exc:
        return _holidays(request, db, form, exc)
    return see_other("/holidays")


@router.get("/holidays/{holiday_id}/edit")
def edit_holiday_page(
    request: Request, holiday_id: uuid.UUID, _: OfficeDep, db: ReadDBDep
) -> Response:
    """The form with what the holiday is."""
    row = service.holiday_of(db, holiday_id)
    form = HolidayForm(
        name=row.name, first_day=row.first_day.isoformat(), last_day=row.last_day.isoformat()
    )
    return _edit(request, row, form)


@router.post("/holidays/{holiday_id}/edit")
def change_holiday(
    request: Request,
    holiday_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[HolidayForm, Form()],
) -> Response:
    """Change the holiday."""
    row, zone = service.holiday_of(db, holiday_id), get_settings(request).zone
    try:
        body = form.body()
        with db.begin_nested():
            service.change_holiday(db, row.id, body, zone=zone, at=now(), actor=principal.actor)
    except (ServerError, ValueError) as exc:
        return _edit(request, row, form, exc)
    return see_other("/holidays")


@router.get("/holidays/{holiday_id}/delete")
def delete_holiday_page(
    request: Request, holiday_id: uuid.UUID, _: OfficeDep, db: ReadDBDep
) -> Response:
    """Ask before the holiday is deleted."""
    context = {"holiday": service.holiday_of(db, holiday_id), "problem": ""}
    return render(request, "timetable/delete_holiday.html", context)


@router.post("/holidays/{holiday_id}/delete")
def delete_holiday(
    request: Request, holiday_id: uuid.UUID, principal: OfficeDep, db: DBDep
) -> Response:
    """Delete the holiday."""
    row, zone = service.holiday_of(db, holiday_id), get_settings(request).zone
    try:
        with db.begin_nested():
            service.delete_holiday(db, holiday_id, zone=zone, at=now(), actor=principal.actor)
    except ConflictError as exc:
        problem = planning_problem(request_translator(request), exc)
        context = {"holiday": row, "problem": problem}
        return render(request, "timetable/delete_holiday.html", context, status_code=400)
    return see_other("/holidays")


def _holidays(
    request: Request, db: Session, form: HolidayForm, exc: Exception | None = None
) -> Response:
    today = local_date(now(), get_settings(request).zone)
    found = service.holidays(db)
    context = {
        "coming": [row for row in found if row.last_day >= today],
        "over": [row for row in found if row.last_day < today],
        "form": form,
        "problem": planning_problem(request_translator(request), exc),
    }
    return render(request, "timetable/holidays.html", context, status_code=400 if exc else 200)


def _edit(
    request: Request, row: Holiday, form: HolidayForm, exc: Exception | None = None
) -> Response:
    problem = planning_problem(request_translator(request), exc)
    context = {"holiday": row, "form": form, "problem": problem}
    return render(request, "timetable/holiday.html", context, status_code=400 if exc else 200)
