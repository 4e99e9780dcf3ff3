"""The policy's page: every setting with what it means, and the versions there were."""

from typing import Annotated

from fastapi import Request
from sqlmodel import Session
from starlette.responses import Response

from protocol.v1.policy import LivenessLevel
from server.accounts.names import actor_names
from server.db.dependencies import DBDep, ReadDBDep
from server.errors import ConflictError
from server.policies import forms, service
from server.policies.forms import PolicyRefusedError
from server.policies.own_forms import version_changes
from server.policies.places import listed_exceptions, names_of
from server.policies.sent import SentForm
from server.web.access import AdminDep, require_role
from server.web.figures import one_in
from server.web.pages import render, see_other
from server.web.paging import PageNumber, read_page
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/policy", include_in_schema=False)
_VERSIONS = 20
_OVERTAKEN = "policies.problem.overtaken"


@router.get("")
def policy_page(
    request: Request,
    _: Annotated[Principal, require_role(Role.DPO)],
    db: ReadDBDep,
    *,
    saved: bool = False,
    history: PageNumber = 1,
) -> Response:
    """The policy in force; a form for admins, to read for the others."""
    policy = service.current_policy(db)
    values = {one.name: one.text_in(policy) for one in forms.SETTINGS}
    return _page(request, db, values, {}, is_saved=saved, history=history)


@router.post("")
def save(
    request: Request,
    principal: AdminDep,
    db: DBDep,
    values: SentForm,
) -> Response:
    """Put the form in force as a new version, where it changes anything."""
    forms.refuse_unknown(values)
    current = service.current_policy(db)
    opened = service.policy_at(db, forms.opened_version(values, current.version))
    if forms.changes(opened, current):  # the own settings of a room or a course is no matter here
        wishes = forms.rebased(values, opened, current)
        return _page(request, db, wishes, {"version": _OVERTAKEN})
    try:
        wanted = forms.read(values, current)
    except PolicyRefusedError as exc:
        return _page(request, db, values, exc.problems)
    if not forms.changes(current, wanted):
        return see_other("/policy?saved=true")
    try:
        service.set_policy(db, wanted, actor=principal.actor)
    except ConflictError:
        return _page(request, db, values, {"version": _OVERTAKEN})
    return see_other("/policy?saved=true")


def _page(
    request: Request,
    db: Session,
    values: dict[str, str],
    problems: dict[str, str],
    *,
    is_saved: bool = False,
    history: int = 1,
) -> Response:
    policies = service.current_policies(db)
    policy = policies.school
    versions = read_page(
        lambda limit, offset: service.versions(db, limit=limit, offset=offset), history, _VERSIONS
    )
    context = {
        "policy": policy,
        "defaults": service.new_school_policy(),
        "values": values,
        "problems": problems,
        "groups": forms.grouped(forms.SETTINGS),
        "bounds": forms.bounds,
        "plain": forms.plain,
        "rates": sorted(
            {*forms.RATES, policy.recognition.roster_fpir, policy.recognition.wide_fpir}
        ),
        "one_in": one_in,
        "versions": versions.rows,
        "pager": versions,
        "names": names_of(db, {one.place for one in versions.rows if one.place}),
        "actors": actor_names(db, [one.created_by for one in versions.rows]),
        "changes": version_changes,
        "exceptions": listed_exceptions(db, policies),
        "is_saved": is_saved,
        "leaves_no_way": policy.kiosk.liveness != LivenessLevel.OFF and not policy.kiosk.fallbacks,
    }
    return render(request, "policies/policy.html", context, status_code=400 if problems else 200)
