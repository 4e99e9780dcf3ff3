"""The page of a room's or a course's policy: its own settings, and what it follows."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated

from fastapi import Query, Request
from sqlmodel import Session
from starlette.responses import Response

from protocol.v1.policy import LivenessLevel
from server.accounts.names import actor_names
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.errors import ConflictError, InvalidError, MalformedError
from server.policies import forms, own_forms, service
from server.policies.effective import NONE, PolicySet
from server.policies.forms import PolicyRefusedError
from server.policies.places import all_places, names_of
from server.policies.schemas import SchoolPolicy
from server.policies.scopes import PolicyPlace, Scope
from server.policies.sent import SentForm
from server.timetable import service as timetable
from server.web.access import AdminDep, require_role
from server.web.figures import one_in
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, read_page
from server.web.principal import Principal, Role
from server.web.problems import problem_text
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/policy", include_in_schema=False)
ReaderDep = Annotated[Principal, require_role(Role.DPO)]
_VERSIONS = 20
#: In whose lessons a course's rooms are looked for.
_BACK, _AHEAD = timedelta(days=7), timedelta(days=14)
_OVERTAKEN = "policies.problem.own_overtaken"


@dataclass(frozen=True)
class _Shown:
    """What the page shows besides what is stored.

    Attributes:
        form: what the fields hold.
        problems: keys of what is wrong with typed values, by name.
        refused: why nothing was saved, in words.
        is_saved: whether something was.
        history: page of the history.
    """

    form: Mapping[str, str]
    problems: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""
    is_saved: bool = False
    history: int = 1


@router.get("/place")
def open_place(
    request: Request,
    _: AdminDep,
    db: ReadDBDep,
    place: Annotated[str, Query(max_length=60)] = "",
) -> Response:
    """The list of rooms and courses; the page of the one that was chosen, such as `room:<id>`."""
    if not place:
        return render(request, "policies/choose_place.html", {"places": all_places(db)})
    scope, _sign, identity = place.partition(":")
    try:
        return see_other(PolicyPlace(Scope(scope), uuid.UUID(identity)).path)
    except ValueError as exc:
        raise MalformedError(fields=[{"field": "place", "problem": "unknown"}]) from exc


@router.get("/rooms/{room_id}")
def room_page(
    request: Request,
    room_id: uuid.UUID,
    _: ReaderDep,
    db: ReadDBDep,
    *,
    saved: bool = False,
    history: PageNumber = 1,
) -> Response:
    """The policy of a room; a form for admins, to read for the others."""
    return _opened(request, db, PolicyPlace(Scope.ROOM, room_id), is_saved=saved, history=history)


@router.get("/courses/{course_id}")
def course_page(
    request: Request,
    course_id: uuid.UUID,
    _: ReaderDep,
    db: ReadDBDep,
    *,
    saved: bool = False,
    history: PageNumber = 1,
) -> Response:
    """The policy of a course; a form for admins, to read for the others."""
    return _opened(
        request, db, PolicyPlace(Scope.COURSE, course_id), is_saved=saved, history=history
    )


@router.post("/rooms/{room_id}")
def save_room(
    request: Request, room_id: uuid.UUID, principal: AdminDep, db: DBDep, values: SentForm
) -> Response:
    """Give the room the settings that the form marks as its own, and no others."""
    return _save(request, db, PolicyPlace(Scope.ROOM, room_id), values, principal)


@router.post("/courses/{course_id}")
def save_course(
    request: Request, course_id: uuid.UUID, principal: AdminDep, db: DBDep, values: SentForm
) -> Response:
    """Give the course the settings that the form marks as its own, and no others."""
    return _save(request, db, PolicyPlace(Scope.COURSE, course_id), values, principal)


@router.post("/rooms/{room_id}/remove")
def remove_room(room_id: uuid.UUID, principal: AdminDep, db: DBDep) -> Response:
    """Let the room follow the school in everything."""
    return _remove(db, PolicyPlace(Scope.ROOM, room_id), principal)


@router.post("/courses/{course_id}/remove")
def remove_course(course_id: uuid.UUID, principal: AdminDep, db: DBDep) -> Response:
    """Let the course follow rooms and school in everything."""
    return _remove(db, PolicyPlace(Scope.COURSE, course_id), principal)


def _remove(db: Session, place: PolicyPlace, principal: Principal) -> Response:
    service.set_own(db, place, NONE, actor=principal.actor)
    return see_other(f"{place.path}?saved=true")


def _opened(
    request: Request, db: Session, place: PolicyPlace, *, is_saved: bool, history: int
) -> Response:
    service.refuse_unknown_place(db, place)
    form = own_forms.own_form(service.current_policies(db), place)
    return _page(request, db, place, _Shown(form, is_saved=is_saved, history=history))


def _save(
    request: Request, db: Session, place: PolicyPlace, values: dict[str, str], principal: Principal
) -> Response:
    service.refuse_unknown_place(db, place)
    policies = service.current_policies(db)
    t = request_translator(request)
    try:
        own = own_forms.read_own(values, policies.school, place.scope)
    except PolicyRefusedError as exc:
        shown = _Shown(values, exc.problems, refused=t("policies.not_saved"))
        return _page(request, db, place, shown)
    opened = service.policies_at(db, forms.opened_version(values, policies.version))
    if opened.own_of(place) != policies.own_of(place):
        return _page(request, db, place, _Shown(values, refused=t(_OVERTAKEN)))
    try:
        service.set_own(db, place, own, actor=principal.actor)
    except ConflictError:
        return _page(request, db, place, _Shown(values, refused=t(_OVERTAKEN)))
    except InvalidError as exc:
        return _page(request, db, place, _Shown(values, refused=problem_text(t, exc)))
    return see_other(f"{place.path}?saved=true")


def _page(request: Request, db: Session, place: PolicyPlace, shown: _Shown) -> Response:
    policies = service.current_policies(db)
    rooms = _own_rooms(db, policies, place)
    lines = own_forms.own_lines(policies, place, shown.form, problems=shown.problems, rooms=rooms)
    pager = read_page(
        lambda limit, offset: service.versions(db, place=place, limit=limit, offset=offset),
        shown.history,
        _VERSIONS,
    )
    kiosk = policies.of(place).policy.kiosk
    context = {
        "place": place,
        "name": names_of(db, {place})[place],
        "policy": policies.school,
        "groups": _grouped(lines),
        "has_own": bool(policies.own_of(place)),
        "refused": shown.refused,
        "is_saved": shown.is_saved,
        "leaves_no_way": kiosk.liveness != LivenessLevel.OFF and not kiosk.fallbacks,
        "bounds": forms.bounds,
        "plain": forms.plain,
        "one_in": one_in,
        "versions": pager.rows,
        "pager": pager,
        "names": {},
        "actors": actor_names(db, [one.created_by for one in pager.rows]),
        "changes": own_forms.version_changes,
    }
    return render(
        request, "policies/place.html", context, status_code=400 if shown.refused else 200
    )


def _grouped(lines: list[own_forms.OwnLine]) -> dict[str, list[own_forms.OwnLine]]:
    found: dict[str, list[own_forms.OwnLine]] = {}
    for line in lines:
        found.setdefault(line.setting.group, []).append(line)
    return found


def _own_rooms(db: Session, policies: PolicySet, place: PolicyPlace) -> dict[str, SchoolPolicy]:
    """Return what holds for a course in those of its rooms that have settings of their own."""
    if place.scope is Scope.ROOM or not any(one.scope is Scope.ROOM for one in policies.own):
        return {}
    at = now()
    views = timetable.lesson_views(db, courses=[place.id], after=at - _BACK, before=at + _AHEAD)
    rooms = {view.room.name: view.room.id for view in views}
    return {
        name: policies.at(rooms[name], place.id).policy
        for name in sorted(rooms)
        if policies.own_of(PolicyPlace(Scope.ROOM, rooms[name]))
    }
