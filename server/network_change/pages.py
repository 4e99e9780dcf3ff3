"""The Models page: choose the school's network, change it, and see what each one is."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Form, Request
from sqlmodel import Session, select
from starlette.responses import Response

from server.accounts.names import actor_names
from server.db.dependencies import DBDep, ReadDBDep
from server.enrollment.photo import school_date
from server.errors import ServerError
from server.kiosks.networks import names_of_others
from server.kiosks.tables import Kiosk
from server.network_change import progress, service, use
from server.network_change.facts import facts_of
from server.network_change.schemas import ChangeForm, NetworkForm
from server.network_change.shadow import shadow_of
from server.networks.service import row_of, weak_network_note
from server.networks.tables import SchoolNetwork
from server.policies.service import current_policies
from server.web.access import AdminDep, require_role
from server.web.figures import percent, percent_range
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal, Role
from server.web.problems import problem_text
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, get_services, get_settings
from server.web.table_file import csv_of

router = GuardedRouter(prefix="/models", include_in_schema=False)
ReaderDep = Annotated[Principal, require_role(Role.DPO)]
NetworkDep = Annotated[NetworkForm, Form()]
#: Names on the page; the table to download has all of them.
_MOST_NAMES = 30


@router.get("")
def models_page(request: Request, _: ReaderDep, db: ReadDBDep) -> Response:
    """Which network decides, how far a change is, and what each network is."""
    return _page(request, db)


@router.get("/missing.csv")
def missing_people(principal: ReaderDep, db: DBDep, settings: SettingsDep) -> Response:
    """Everybody who is not ready for the next network; without a change, for the one in use."""
    head = ("student_number", "family_name", "given_name")
    people = service.export_missing(db, actor=principal.actor, today=school_date(settings))
    lines = [(one.student_number, one.family_name, one.given_name) for one in people]
    headers = {"Content-Disposition": 'attachment; filename="new-photo-needed.csv"'}
    return Response(csv_of([head, *lines]), media_type="text/csv", headers=headers)


@router.post("/choose")
def choose(request: Request, principal: AdminDep, db: DBDep, form: NetworkDep) -> Response:
    """Choose the network before the first enrolment."""
    served = get_services(request).encoder.models()
    return _done(
        request,
        db,
        lambda: service.choose(db, form.model_id, served=served, actor=principal.actor),
    )


@router.post("/change")
def start_change(
    request: Request, principal: AdminDep, db: DBDep, form: Annotated[ChangeForm, Form()]
) -> Response:
    """Start a change of network."""
    served = get_services(request).encoder.models()
    return _done(request, db, lambda: service.start(db, form, served=served, actor=principal.actor))


@router.post("/change/adjust")
def adjust_change(
    request: Request, principal: AdminDep, db: DBDep, form: Annotated[ChangeForm, Form()]
) -> Response:
    """Change how the change under way runs."""
    return _done(request, db, lambda: service.adjust(db, form, actor=principal.actor))


@router.post("/change/cancel")
def cancel_change(request: Request, principal: AdminDep, db: DBDep, form: NetworkDep) -> Response:
    """Give the change up, and erase the next network's templates."""
    return _done(request, db, lambda: service.cancel(db, form.model_id, actor=principal.actor))


@router.post("/change/switch")
def switch(request: Request, principal: AdminDep, db: DBDep, form: NetworkDep) -> Response:
    """Let the next network decide at every door."""
    today = school_date(get_settings(request))
    return _done(
        request, db, lambda: service.switch(db, form.model_id, actor=principal.actor, today=today)
    )


@router.post("/erase")
def erase_model(request: Request, principal: AdminDep, db: DBDep, form: NetworkDep) -> Response:
    """Erase the templates of a network that nothing uses any more."""
    return _done(request, db, lambda: use.erase(db, form.model_id, actor=principal.actor))


def _done(request: Request, db: Session, act: Callable[[], None]) -> Response:
    """Do something and show the page again; where it is refused, say why."""
    try:
        act()
    except ServerError as exc:
        words = problem_text(request_translator(request), exc)
        return _page(request, db, problem=words, status_code=exc.status_code)
    return see_other("/models")


def _page(request: Request, db: Session, *, problem: str = "", status_code: int = 200) -> Response:
    encoder = get_services(request).encoder
    row = row_of(db)
    served = encoder.models() if encoder.status() != "down" else ()
    context = {
        "row": row,
        "problem": problem,
        "weak": weak_network_note(db),
        "served": served,
        "may_choose": service.may_choose(db),
        "networks": facts_of(served, encoder.origins(), (row.current, row.next)),
        "others": names_of_others(db.exec(select(Kiosk)), row.current),
        "names": actor_names(db, {row.chosen_by, row.started_by}),
        "uses": use.in_use(db),
        "percent": percent,
        "percent_range": percent_range,
        **_change_context(request, db, row),
    }
    return render(request, "network_change/models.html", context, status_code=status_code)


def _change_context(request: Request, db: Session, row: SchoolNetwork) -> dict[str, Any]:
    """What the page says about a change; without one, who was left behind by the last."""
    today = school_date(get_settings(request))
    if row.next is None:
        left = progress.left_behind(db, row.current, today)
        return {"progress": None, "left_behind": len(left)}
    found = progress.with_classes(db, progress.progress_of(db, row, today), today)
    return {
        "progress": found,
        "left_behind": 0,
        "missing": progress.by_name(db, found.missing)[:_MOST_NAMES],
        "shadow": shadow_of(db.exec(select(Kiosk)), row.next),
        "is_live_checked": any(
            one.kiosk.liveness != "off" for one in current_policies(db).everywhere()
        ),
    }
