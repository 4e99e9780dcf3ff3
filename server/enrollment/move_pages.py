"""The page that moves an enrolment to the right person."""

import uuid
from typing import Annotated

from fastapi import Form, Query, Request
from sqlmodel import Session
from starlette.responses import Response

from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.enrollment.move_schemas import MoveForm
from server.enrollment.moving import MoveOrder, movable, move_enrolments, plan_move
from server.enrollment.photo import school_date
from server.enrollment.service import note_view
from server.errors import InvalidError, ServerError
from server.people import service as people
from server.people.consent import ConsentState
from server.people.search import find_people
from server.web.access import AdminDep
from server.web.pages import render, request_translator, see_other
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import VaultDep, get_settings

router = GuardedRouter(prefix="/people/{person_id}/move", include_in_schema=False)
_CANDIDATES = 20


@router.get("")
def move_page(
    request: Request,
    person_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    to: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """Choose the right person; then the photos, with what moving them means."""
    people.get_person(db, person_id)
    note_view(db, person_id, actor=principal.actor)
    return _page(request, db, person_id, MoveForm(to=to))


@router.post("/people")
def search_right_person(
    request: Request,
    person_id: uuid.UUID,
    _: AdminDep,
    db: ReadDBDep,
    form: Annotated[MoveForm, Form()],
) -> Response:
    """The people found; their names stay out of the address."""
    return _page(request, db, person_id, form)


@router.post("")
def move_to_right_person(
    request: Request,
    person_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    vault: VaultDep,
    form: Annotated[MoveForm, Form()],
) -> Response:
    """Move the photos, or say why that was refused; pressed twice, it happens once."""
    try:
        order = MoveOrder(person_id, _id(form.to), frozenset(map(_id, form.enrolment)))
        today = school_date(get_settings(request))
        with db.begin_nested():
            move = move_enrolments(db, vault, order, actor=principal.actor, at=now(), today=today)
    except ServerError as exc:
        return _page(request, db, person_id, form, exc=exc)
    return see_other(f"/moves/{move.id}")


def _page(
    request: Request,
    db: Session,
    person_id: uuid.UUID,
    form: MoveForm,
    *,
    exc: ServerError | None = None,
) -> Response:
    person = people.get_person(db, person_id)
    rows = movable(db, person_id)
    today = school_date(get_settings(request))
    context: dict[str, object] = {
        "person": person,
        "rows": rows,
        "q": form.q,
        "problem": problem_text(request_translator(request), exc),
        "chosen": {one.id for one in rows if not form.enrolment or str(one.id) in form.enrolment},
        "plan": None,
        "candidates": [],
        "consents": {},
        "has_more": False,
    }
    if form.to:
        order = MoveOrder(person_id, _id(form.to), frozenset(one.id for one in rows))
        try:
            context["plan"] = plan_move(db, order, today=today)
        except ServerError as found:
            context["problem"] = problem_text(request_translator(request), found)
    elif form.q:
        found_people, total = find_people(db, words=form.q, limit=_CANDIDATES)
        others = [one for one in found_people if one.id != person_id and not one.erased_at]
        states = people.states_of(db, [one.id for one in others], today)
        live = {key for key, state in states.items() if state is ConsentState.LIVE}
        context |= {"candidates": others, "consents": live, "has_more": total > _CANDIDATES}
    status = 400 if context["problem"] else 200
    return render(request, "enrollment/move.html", context, status_code=status)


def _id(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as exc:
        raise InvalidError("Choose a person and photos.", problem="incomplete") from exc
