"""Pages to sign in, in one step or two, to sign out, and to change one's password."""

from math import ceil
from typing import Annotated
from urllib.parse import quote

from fastapi import Form, Request
from starlette.responses import Response

from server.accounts import service, signing_in
from server.accounts.admin_password import forget_admin_password
from server.accounts.origins import OriginDep, SignInOrigin
from server.accounts.own_second_factor import TwoStepDep
from server.accounts.password_change import Passwords, change_password
from server.accounts.schemas import CodeForm, PasswordForm, SignInForm
from server.accounts.sign_in_turns import sign_in_by_turns
from server.accounts.throttle import too_many
from server.db.dependencies import DatabaseDep, DBDep
from server.db.types import now
from server.db.vault import Vault
from server.errors import InvalidError, TooManyAttemptsError
from server.web.access import (
    PUBLIC,
    AnyStepDep,
    CodeStepDep,
    PasswordStepDep,
    current_principal,
)
from server.web.device_marks import name_mark
from server.web.kept_forms import KeptForm, opened_form
from server.web.pages import render, request_translator, see_other
from server.web.preferences import local_path
from server.web.principal import SignInStep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep, VaultDep
from server.web.threads import hashes_passwords

router = GuardedRouter(include_in_schema=False)


@router.get("/sign-in", dependencies=[PUBLIC])
def sign_in_page(request: Request, next: str = "/") -> Response:  # noqa: A002 - the URL's word
    """The form."""
    if current_principal(request) is not None:
        return see_other(local_path(next))
    return render(request, "accounts/sign_in.html", {"next": next, "problem": None, "username": ""})


@router.post("/sign-in", dependencies=[PUBLIC])
async def sign_in(
    request: Request,
    database: DatabaseDep,
    settings: SettingsDep,
    origin: OriginDep,
    vault: VaultDep,
    form: Annotated[SignInForm, Form()],
) -> Response:
    """Check name and password."""
    guess = signing_in.Credentials(
        username=form.username, password=form.password, place=origin.place(form.username)
    )

    def answer(outcome: signing_in.SignInOutcome) -> Response:
        if isinstance(outcome, signing_in.SignedIn):
            return _go_on(request, vault, outcome, form, origin)
        problem = _problem(request, outcome, "accounts.sign_in.refused")
        context = {"next": form.next, "problem": problem, "username": form.username}
        context["kept"] = form.kept
        return render(request, "accounts/sign_in.html", context, status_code=401)

    return await sign_in_by_turns(database, settings, guess, answer)


@router.get("/sign-in/code")
def code_page(
    request: Request,
    principal: CodeStepDep,
    next: str = "/",  # noqa: A002 - the URL's word
) -> Response:
    """The form of the second step."""
    if principal.step is None:
        return see_other(local_path(next))
    return render(request, "accounts/code.html", {"next": next, "problem": None})


@router.post("/sign-in/code")
def enter_code(
    request: Request,
    principal: CodeStepDep,
    db: DBDep,
    two_step: TwoStepDep,
    vault: VaultDep,
    form: Annotated[CodeForm, Form()],
) -> Response:
    """Check the code."""
    if principal.step is None:
        return see_other(local_path(form.next))
    outcome = two_step.of(db, principal).enter(form.code, now())
    if isinstance(outcome, signing_in.SignedIn):
        return _go_on(request, vault, outcome, form, two_step.origin)
    problem = _problem(request, outcome, "accounts.code.refused")
    context = {"next": form.next, "problem": problem, "kept": form.kept}
    return render(request, "accounts/code.html", context, status_code=401)


@router.post("/sign-out")
def sign_out(_: AnyStepDep, db: DBDep, origin: OriginDep) -> Response:
    """Sign out."""
    service.sign_out(db, token=origin.token)
    response = see_other("/sign-in")
    origin.cookies.clear(response)
    return response


@router.get("/password")
def password_page(request: Request, _: PasswordStepDep) -> Response:
    """The form to change one's password."""
    return render(request, "accounts/password.html", {"problem": None})


@router.post("/password")
@hashes_passwords
def set_password(
    request: Request,
    principal: PasswordStepDep,
    database: DatabaseDep,
    settings: SettingsDep,
    origin: OriginDep,
    form: Annotated[PasswordForm, Form()],
) -> Response:
    """Change it, and go on to the first page."""
    t = request_translator(request)
    if form.new != form.again:
        return _password_page(request, t("accounts.password.differ"))
    try:
        account = change_password(
            database,
            settings,
            account_id=principal.account_id,
            passwords=Passwords(form.old, form.new),
            token=origin.token,
            at=now(),
        )
    except InvalidError as exc:
        return _password_page(request, t(f"accounts.password.{exc.details['problem']}"))
    except TooManyAttemptsError as exc:
        return _password_page(request, locked_words(request, exc), status_code=429)
    if account.username == service.ADMIN_NAME:
        forget_admin_password(settings)
    response = see_other("/")
    origin.know(response, account)
    return response


def locked_words(request: Request, error: TooManyAttemptsError) -> str:
    """Say for how many minutes no guess is taken."""
    minutes = ceil((error.retry_after_s or 1) / 60)
    return request_translator(request)("accounts.sign_in.locked", minutes=minutes)


def _go_on(
    request: Request,
    vault: Vault,
    outcome: signing_in.SignedIn,
    form: SignInForm | CodeForm,
    origin: SignInOrigin,
) -> Response:
    """Lead to the step that is missing, or to where the person was."""
    response = _next_page(request, vault, outcome, form)
    is_known = outcome.step is not SignInStep.CODE
    origin.admit(response, outcome.token, outcome.account, is_known=is_known)
    return response


def _next_page(
    request: Request, vault: Vault, outcome: signing_in.SignedIn, form: SignInForm | CodeForm
) -> Response:
    """A form that was sent without a sign-in goes along with the code, and is offered again.

    It is offered to nobody but the account that sent it, and lost where a step takes longer.
    """
    step = outcome.step
    if form.kept and step is SignInStep.CODE:
        context = {"next": form.next, "problem": None, "kept": form.kept}
        return render(request, "accounts/code.html", context)
    sender = name_mark(outcome.account.username)
    kept = opened_form(vault, form.kept, sender=sender) if form.kept else None
    if kept is not None and step is None:
        return render(request, "accounts/continue.html", _words_of(request, kept))
    pages = {
        None: local_path(form.next),
        SignInStep.CODE: f"/sign-in/code?next={quote(local_path(form.next))}",
        SignInStep.PASSWORD: "/password",
        SignInStep.SECOND_FACTOR: "/second-factor",
    }
    if form.kept:
        return render(request, "accounts/form_lost.html", {"next": pages[step]})
    return see_other(pages[step])


def _words_of(request: Request, form: KeptForm) -> dict[str, object]:
    """Name the fields of a form as the pages do, as far as there are words."""
    t = request_translator(request)

    def words(name: str) -> str:
        return t.or_else(f"audit.field.{name}", t.or_else(f"audit.detail.{name}", name))

    shown = [(words(name), value) for name, value in form.fields if value]
    return {"form": form, "shown": shown}


def _problem(
    request: Request, outcome: signing_in.Refused | signing_in.Locked, refused: str
) -> str:
    if isinstance(outcome, signing_in.Locked):
        return locked_words(request, too_many(outcome.until, now()))
    return request_translator(request)(refused)


def _password_page(request: Request, problem: str, status_code: int = 400) -> Response:
    context = {"problem": problem}
    return render(request, "accounts/password.html", context, status_code=status_code)
