"""The page of one's own two-step sign-in: set it up, renew recovery codes, switch it off."""

from typing import Annotated, Any

import segno
from fastapi import Form, Request
from sqlmodel import Session
from starlette.responses import Response

from server.accounts import second_factor
from server.accounts.own_second_factor import Codes, Removed, TwoStep, TwoStepDep
from server.accounts.pages import locked_words
from server.accounts.password_change import check_password
from server.accounts.schemas import CodeForm, PasswordAgainForm
from server.accounts.sessions import has_second_factor
from server.accounts.signing_in import Locked, Refused
from server.accounts.throttle import too_many
from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.db.types import now
from server.errors import ConflictError, InvalidError, TooManyAttemptsError
from server.web.access import SecondFactorStepDep, SignedInDep
from server.web.pages import render, request_translator, see_other
from server.web.principal import Principal
from server.web.routes import GuardedRouter
from server.web.threads import hashes_passwords

router = GuardedRouter(prefix="/second-factor", include_in_schema=False)


@router.get("")
def second_factor_page(
    request: Request, principal: SecondFactorStepDep, db: ReadDBDep, two_step: TwoStepDep
) -> Response:
    """Whether it is on, and what may be done about it."""
    return render(request, "accounts/second_factor.html", _context(db, two_step, principal))


@router.post("/start")
@hashes_passwords
def start(
    request: Request,
    principal: SecondFactorStepDep,
    database: DatabaseDep,
    two_step: TwoStepDep,
    form: Annotated[PasswordAgainForm, Form()],
) -> Response:
    """Make a secret, after the password was asked for."""
    try:
        check_password(
            database,
            two_step.settings,
            account_id=principal.account_id,
            password=form.password,
            token=two_step.origin.token,
            at=now(),
        )
    except (InvalidError, TooManyAttemptsError) as exc:
        with database.reading() as db:
            context = _context(db, two_step, principal)
        context["problem"] = _password_problem(request, exc)
        return render(request, "accounts/second_factor.html", context, status_code=exc.status_code)
    with database.transaction() as db:
        two_step.of(db, principal).start(now())
    return see_other("/second-factor")


@router.post("/confirm")
def confirm(
    request: Request,
    principal: SecondFactorStepDep,
    db: DBDep,
    two_step: TwoStepDep,
    form: Annotated[CodeForm, Form()],
) -> Response:
    """Switch it on, and show the recovery codes this once."""
    try:
        outcome = two_step.of(db, principal).confirm(form.code, now())
    except ConflictError:
        return see_other("/second-factor")
    return _answer(request, db, two_step, principal, outcome)


@router.post("/recovery-codes")
def renew_recovery_codes(
    request: Request,
    principal: SignedInDep,
    db: DBDep,
    two_step: TwoStepDep,
    form: Annotated[CodeForm, Form()],
) -> Response:
    """Replace the recovery codes, and show the new ones this once."""
    outcome = two_step.of(db, principal).renew_codes(form.code, now())
    return _answer(request, db, two_step, principal, outcome)


@router.post("/remove")
def remove(
    request: Request,
    principal: SignedInDep,
    db: DBDep,
    two_step: TwoStepDep,
    form: Annotated[CodeForm, Form()],
) -> Response:
    """Switch it off."""
    outcome = two_step.of(db, principal).remove(form.code, now())
    return _answer(request, db, two_step, principal, outcome)


def _answer(
    request: Request,
    db: Session,
    two_step: TwoStep,
    principal: Principal,
    outcome: Codes | Removed | Refused | Locked,
) -> Response:
    if isinstance(outcome, Removed):
        return see_other("/second-factor")
    if isinstance(outcome, Codes):
        shown = {"codes": outcome.recovery_codes}
        return render(request, "accounts/recovery_codes.html", shown)
    context: dict[str, Any] = _context(db, two_step, principal)
    if isinstance(outcome, Locked):
        context["problem"] = locked_words(request, too_many(outcome.until, now()))
    else:
        context["problem"] = request_translator(request)("accounts.code.refused")
    return render(request, "accounts/second_factor.html", context, status_code=400)


def _context(db: Session, two_step: TwoStep, principal: Principal) -> dict[str, Any]:
    setup = two_step.of(db, principal).setup()
    return {
        "is_on": has_second_factor(db, principal.account_id),
        "setup": setup,
        "qr": setup and _qr(setup.uri),
        "codes_left": second_factor.recovery_codes_left(db, principal.account_id),
        "is_required": principal.role in second_factor.required_roles(db),
        "problem": "",
    }


def _qr(uri: str) -> str:
    """Draw a QR code as SVG: black on white in either theme, as apps read no other."""
    code = segno.make(uri, error="m", micro=False)
    return code.svg_inline(scale=5, border=4, dark="#000", light="#fff", omitsize=True)


def _password_problem(request: Request, exc: InvalidError | TooManyAttemptsError) -> str:
    if isinstance(exc, TooManyAttemptsError):
        return locked_words(request, exc)
    return request_translator(request)("accounts.password.wrong_password")
