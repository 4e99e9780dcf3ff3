"""Pages to sign in, sign out and change one's password."""

from typing import Annotated

from fastapi import Form, Request
from starlette.responses import Response

from server.accounts import service, signing_in
from server.accounts.admin_password import forget_admin_password
from server.accounts.schemas import PasswordForm, SignInForm
from server.db.dependencies import DatabaseDep, DBDep
from server.db.types import now
from server.db.vault import Vault
from server.errors import InvalidError
from server.web.access import PUBLIC, SignedInDep, current_principal
from server.web.kept_forms import opened_form
from server.web.pages import render, see_other
from server.web.preferences import local_path
from server.web.routes import GuardedRouter
from server.web.state import CookiesDep, SettingsDep, VaultDep

router = GuardedRouter(include_in_schema=False)


@router.get("/sign-in", dependencies=[PUBLIC])
def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the URL's word
    """The form."""
    if current_principal(request) is not None:
        return see_other(local_path(next))
    return render(request, "accounts/sign_in.html", {"next": next, "problem": None, "username": ""})


@router.post("/sign-in", dependencies=[PUBLIC])
def sign_in(
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
    cookies: CookiesDep,
    vault: VaultDep,
    form: Annotated[SignInForm, Form()],
) -> Response:
    """Check name and password."""
    guess = signing_in.Credentials(
        username=form.username,
        password=form.password,
        device=cookies.device_of(request, service.normalise(form.username)),
    )
    outcome = signing_in.sign_in(database, settings, guess=guess, at=now())
    if isinstance(outcome, signing_in.SignedIn):
        response = _after_sign_in(request, form, vault, is_due=outcome.account.must_change_password)
        cookies.issue(response, outcome.token)
        cookies.know_device(response, outcome.account.username)
        return response
    problem = "locked" if isinstance(outcome, signing_in.Locked) else "refused"
    context = {"next": form.next, "problem": problem, "username": form.username}
    context["kept"] = form.kept
    return render(request, "accounts/sign_in.html", context, status_code=401)


def _after_sign_in(request: Request, form: SignInForm, vault: Vault, *, is_due: bool) -> Response:
    """Go on where the person was; a form that they sent without a sign-in is offered again."""
    if is_due:
        return see_other("/password")
    kept = opened_form(vault, form.kept) if form.kept else None
    if kept is None:
        return see_other(local_path(form.next))
    return render(request, "accounts/continue.html", {"form": kept})


@router.post("/sign-out")
def sign_out(request: Request, _: SignedInDep, db: DBDep, cookies: CookiesDep) -> Response:
    """Sign out."""
    service.sign_out(db, token=cookies.token_of(request))
    response = see_other("/sign-in")
    cookies.clear(response)
    return response


@router.get("/password")
def password_page(request: Request, _: SignedInDep) -> Response:
    """The form to change one's password."""
    return render(request, "accounts/password.html", {"problem": None})


@router.post("/password")
def change_password(
    request: Request,
    principal: SignedInDep,
    db: DBDep,
    settings: SettingsDep,
    form: Annotated[PasswordForm, Form()],
) -> Response:
    """Change it, and go on to the first page."""
    if form.new != form.again:
        return render(request, "accounts/password.html", {"problem": "differ"}, status_code=400)
    try:
        account = service.change_password(
            db,
            principal.account_id,
            old=form.old,
            new=form.new,
            keep_token=request.app.state.cookies.token_of(request),
        )
    except InvalidError as exc:
        problem = exc.details["problem"]
        return render(request, "accounts/password.html", {"problem": problem}, status_code=400)
    if account.username == service.ADMIN_NAME:
        forget_admin_password(settings)
    return see_other("/")
