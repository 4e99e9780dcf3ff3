"""Pages of the timetable: the lessons of a week, and rooms."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Depends, Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ServerError
from server.timetable import service
from server.timetable.day import LessonRow, lesson_row_page
from server.timetable.forms import RoomForm
from server.timetable.list_filters import LessonChoice, SchoolDays, lesson_choice
from server.timetable.local_time import local_date, midnight
from server.timetable.schemas import RoomCreate, RoomUpdate
from server.timetable.service import LessonFilter
from server.timetable.teachers import substitute_account, visible_courses
from server.web.access import OfficeDep, SignedInDep
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.principal import Role
from server.web.problems import problem_text
from server.web.register_state import MOST_JUDGED, FindInState, RegisterState
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, get_services

router = GuardedRouter(include_in_schema=False)
_PAGE = 100
_SEE_REGISTERS = {Role.ADMIN, Role.OFFICE, Role.TEACHER}


@router.get("/lessons")
def lessons_page(
    request: Request,
    principal: SignedInDep,
    db: ReadDBDep,
    settings: SettingsDep,
    choice: Annotated[LessonChoice, Depends(lesson_choice)],
    page: PageNumber = 1,
) -> Response:
    """A week of lessons, by day."""
    first = choice.day or local_date(now(), settings.zone)
    first -= timedelta(days=first.weekday())
    starts_at, ends_at = _week(first, settings.zone)
    own = visible_courses(db, principal, local_date(now(), settings.zone))
    which = LessonFilter(
        after=starts_at,
        before=ends_at,
        courses=own,
        substitute=substitute_account(principal),
        further=choice.conditions(db, SchoolDays(first, first + timedelta(days=6), settings.zone)),
    )
    sees = principal.role in _SEE_REGISTERS
    find = get_services(request).find_in_state
    which, is_cut = _in_state(db, which, choice.register if sees else None, find)
    pager = read_page(
        lambda limit, offset: lesson_row_page(db, which, limit=limit, offset=offset),
        page,
        _PAGE,
    )
    bar = choice.bar(db, request_translator(request), first, own, sees=sees)
    context = {
        "days": _by_day(pager.rows, settings.zone),
        "pager": pager,
        "bar": bar,
        "most_judged": MOST_JUDGED if is_cut else 0,
        "first": first,
        "previous": first - timedelta(days=7),
        "following": first + timedelta(days=7),
        "last": first + timedelta(days=6),
        "today": local_date(now(), settings.zone),
        "at": now(),
        "has_courses": bar.offers("course"),
        "has_rooms": bar.offers("room"),
    }
    return render(request, "timetable/lessons.html", context)


@router.get("/rooms")
def rooms_page(request: Request, _: OfficeDep, db: ReadDBDep) -> Response:
    """Every room, and the form for another."""
    return _rooms(request, db, RoomForm())


@router.post("/rooms")
def create_room(
    request: Request,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[RoomForm, Form()],
) -> Response:
    """Add a room."""
    try:
        service.create_room(db, RoomCreate(name=form.name).name, actor=principal.actor)
    except (ServerError, ValueError) as exc:
        return _rooms(request, db, form, exc)
    return see_other("/rooms")


@router.get("/rooms/{room_id}/edit")
def edit_room_page(request: Request, room_id: uuid.UUID, _: OfficeDep, db: ReadDBDep) -> Response:
    """The form with the room's name."""
    return _room(request, db, room_id, RoomForm(name=service.room_of(db, room_id).name))


@router.post("/rooms/{room_id}/edit")
def rename_room(
    request: Request,
    room_id: uuid.UUID,
    principal: OfficeDep,
    db: DBDep,
    form: Annotated[RoomForm, Form()],
) -> Response:
    """Give the room another name."""
    service.room_of(db, room_id)
    try:
        with db.begin_nested():
            service.rename_room(db, room_id, RoomUpdate(name=form.name).name, actor=principal.actor)
    except (ServerError, ValueError) as exc:
        return _room(request, db, room_id, form, exc)
    return see_other("/rooms")


def _rooms(request: Request, db: Session, form: RoomForm, exc: Exception | None = None) -> Response:
    problem = problem_text(request_translator(request), exc)
    context = {"rooms": service.rooms(db), "form": form, "problem": problem}
    return render(request, "timetable/rooms.html", context, status_code=400 if exc else 200)


def _room(
    request: Request,
    db: Session,
    room_id: uuid.UUID,
    form: RoomForm,
    exc: Exception | None = None,
) -> Response:
    problem = problem_text(request_translator(request), exc)
    context = {"room": service.room_of(db, room_id), "form": form, "problem": problem}
    return render(request, "timetable/room.html", context, status_code=400 if exc else 200)


def _in_state(
    db: Session, which: LessonFilter, state: RegisterState | None, find: FindInState
) -> tuple[LessonFilter, bool]:
    """Leave the lessons whose registers are in a state; and whether only the newest were judged."""
    if state is None:
        return which, False
    found = find(db, state, which.ids_query(), at=now())
    if found.ids is not None:
        return LessonFilter(ids=found.ids), found.is_cut
    return replace(which, further=(*which.further, found.condition)), found.is_cut


def _week(first: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    return midnight(first, zone), midnight(first + timedelta(days=7), zone)


def _by_day(rows: Sequence[LessonRow], zone: ZoneInfo) -> list[tuple[date, list[LessonRow]]]:
    def day_of(row: LessonRow) -> date:
        return local_date(row.starts_at, zone)

    return [(day, list(own)) for day, own in groupby(rows, key=day_of)]
