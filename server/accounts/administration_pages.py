"""Pages of the accounts, for admins: the list, adding one, one account, its one-time password."""

import uuid
from typing import Annotated

from fastapi import Form, Request
from pydantic import ValidationError
from sqlmodel import Session
from starlette.responses import Response

from server.accounts import administration, second_factor
from server.accounts.administration import AccountState
from server.accounts.new_account import AccountCreate
from server.accounts.schemas import (
    MOST_PASSWORDS,
    AccountForm,
    FirstPasswordsForm,
    RoleForm,
    SecondFactorRolesForm,
)
from server.accounts.service import get_account
from server.accounts.sessions import has_second_factor
from server.accounts.tables import Account
from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.errors import ConflictError
from server.web.access import AdminDep
from server.web.filters import Chosen, Filter, FilterBar, choices
from server.web.pages import render, request_translator, see_other
from server.web.paging import PageNumber, page_of
from server.web.principal import Role
from server.web.qr import server_address
from server.web.routes import GuardedRouter
from server.web.state import ForgetIneligibleDep, SettingsDep
from server.web.threads import hashes_passwords

router = GuardedRouter(prefix="/users", include_in_schema=False)
#: Users on a page of the list, so that all of one can be chosen at once.
_PAGE = 50


@router.get("")
def users_page(
    request: Request,
    _: AdminDep,
    db: ReadDBDep,
    role: Chosen[Role] = None,
    state: Chosen[AccountState] = None,
    page: PageNumber = 1,
) -> Response:
    """The accounts; all of them, or those of a role or in a state."""
    t = request_translator(request)
    roles, states = choices(Role, t, "layout.role"), choices(AccountState, t, "accounts.users")
    filters = (
        Filter("role", t("accounts.users.role"), roles, role or ""),
        Filter("state", t("accounts.users.status"), states, state or ""),
    )
    accounts = [
        one
        for one in administration.accounts(db)
        if role in (None, one.role) and state in (None, administration.state_of(one))
    ]
    pager = page_of(accounts, page, _PAGE)
    context = {
        "accounts": pager.rows,
        "pager": pager,
        "bar": FilterBar("/users", filters),
        "with_second_factor": second_factor.accounts_with_one(db),
        "roles": list(Role),
        "required_roles": second_factor.required_roles(db),
        "has_unused": bool(administration.without_sign_in(db)),
    }
    return render(request, "accounts/users.html", context)


@router.post("/second-factor-roles")
def set_second_factor_roles(
    principal: AdminDep, db: DBDep, form: Annotated[SecondFactorRolesForm, Form()]
) -> Response:
    """Require two-step sign-in of these roles, from the next request of each account on."""
    second_factor.require_of(db, frozenset(form.roles), actor=principal.actor)
    return see_other("/users")


@router.get("/new")
def new_user_page(request: Request, _: AdminDep) -> Response:
    """The empty form."""
    return _new_form(request, AccountForm(role=Role.TEACHER.value), {})


@router.post("/new")
@hashes_passwords
def add_user(
    request: Request,
    principal: AdminDep,
    database: DatabaseDep,
    form: Annotated[AccountForm, Form()],
) -> Response:
    """Add the account and show its one-time password, this once."""
    t = request_translator(request)
    try:
        new = AccountCreate.model_validate(form.model_dump())
        account, password = administration.add_account(database, new, principal=principal)
    except ValidationError as exc:
        problems = {
            str(e["loc"][0]): t(
                "accounts.users.unfit" if form.username else "accounts.users.missing"
            )
            if e["loc"][0] == "username"
            else t("accounts.users.missing")
            for e in exc.errors(include_input=False)
        }
        return _new_form(request, form, problems)
    except ConflictError:
        return _new_form(request, form, {"username": t("accounts.users.taken")})
    return _password(request, account, password)


@router.get("/passwords")
def first_passwords_page(request: Request, _: AdminDep, db: ReadDBDep) -> Response:
    """Choose whose first passwords are printed."""
    return _first_passwords(request, db)


@router.post("/passwords")
@hashes_passwords
def print_first_passwords(
    request: Request,
    principal: AdminDep,
    database: DatabaseDep,
    settings: SettingsDep,
    form: Annotated[FirstPasswordsForm, Form()],
) -> Response:
    """Make new one-time passwords and show them on sheets to print, this once."""
    made = administration.first_passwords(database, form.accounts, principal=principal)
    if not made:
        with database.reading() as db:
            return _first_passwords(request, db, status_code=409)
    context = {"made": made, "address": server_address(request, settings)}
    return render(request, "accounts/first_passwords.html", context, status_code=201)


@router.get("/{account_id}")
def user_page(request: Request, account_id: uuid.UUID, _: AdminDep, db: ReadDBDep) -> Response:
    """One account and what may be done to it."""
    return _user(request, db, account_id)


@router.post("/{account_id}/second-factor")
def reset_second_factor(
    request: Request, account_id: uuid.UUID, principal: AdminDep, db: DBDep
) -> Response:
    """Remove the account's second step."""
    try:
        administration.reset_second_factor(db, account_id, principal=principal)
    except ConflictError as exc:
        return _user(request, db, account_id, exc)
    return see_other(f"/users/{account_id}")


@router.post("/{account_id}/password")
@hashes_passwords
def reset_password(
    request: Request, account_id: uuid.UUID, principal: AdminDep, database: DatabaseDep
) -> Response:
    """Make a new one-time password and show it, this once."""
    try:
        account, password = administration.reset_password(database, account_id, principal=principal)
    except ConflictError as exc:
        with database.reading() as db:
            return _user(request, db, account_id, exc)
    return _password(request, account, password)


@router.post("/{account_id}/disable")
def disable(
    request: Request,
    account_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    forget: ForgetIneligibleDep,
) -> Response:
    """Disable the account."""
    try:
        administration.set_active(
            db, account_id, is_active=False, principal=principal, forget=forget
        )
    except ConflictError as exc:
        return _user(request, db, account_id, exc)
    return see_other("/users")


@router.post("/{account_id}/enable")
def enable(
    request: Request,
    account_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    forget: ForgetIneligibleDep,
) -> Response:
    """Enable the account."""
    try:
        administration.set_active(
            db, account_id, is_active=True, principal=principal, forget=forget
        )
    except ConflictError as exc:
        return _user(request, db, account_id, exc)
    return see_other(f"/users/{account_id}")


@router.post("/{account_id}/role")
def change_role(
    request: Request,
    account_id: uuid.UUID,
    principal: AdminDep,
    db: DBDep,
    forget: ForgetIneligibleDep,
    form: Annotated[RoleForm, Form()],
) -> Response:
    """Give the account another role."""
    try:
        administration.set_role(db, account_id, role=form.role, principal=principal, forget=forget)
    except ConflictError as exc:
        return _user(request, db, account_id, exc)
    return see_other(f"/users/{account_id}")


def _first_passwords(request: Request, db: Session, status_code: int = 200) -> Response:
    waiting = administration.without_sign_in(db)
    context = {
        "accounts": waiting[:MOST_PASSWORDS],
        "left": max(0, len(waiting) - MOST_PASSWORDS),
        "is_refused": status_code != 200,
    }
    return render(request, "accounts/choose_passwords.html", context, status_code=status_code)


def _new_form(request: Request, form: AccountForm, problems: dict[str, str]) -> Response:
    context = {"form": form, "problems": problems, "roles": list(Role)}
    status_code = 400 if problems else 200
    return render(request, "accounts/new_user.html", context, status_code=status_code)


def _user(
    request: Request, db: Session, account_id: uuid.UUID, refusal: ConflictError | None = None
) -> Response:
    problem = ""
    if refusal is not None:
        problem = request_translator(request)(f"accounts.users.{refusal.details['problem']}")
    context = {
        "account": get_account(db, account_id),
        "has_second_factor": has_second_factor(db, account_id),
        "roles": list(Role),
        "problem": problem,
    }
    return render(request, "accounts/user.html", context, status_code=409 if refusal else 200)


def _password(request: Request, account: Account, password: str) -> Response:
    context = {"account": account, "password": password}
    return render(request, "accounts/one_time_password.html", context, status_code=201)
