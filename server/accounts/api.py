"""Sign in, sign out, change one's password: the JSON API."""

from functools import partial

from starlette.responses import JSONResponse, Response

from server.accounts import service, signing_in
from server.accounts.admin_password import forget_admin_password
from server.accounts.origins import OriginDep, SignInOrigin
from server.accounts.own_second_factor import TwoStepDep
from server.accounts.password_change import Passwords, change_password
from server.accounts.schemas import CodeEntry, PasswordChange, SignInRead, SignInRequest
from server.accounts.sign_in_turns import sign_in_by_turns
from server.accounts.tables import Account
from server.accounts.throttle import too_many
from server.db.dependencies import DatabaseDep, DBDep
from server.db.types import now
from server.errors import NotSignedInError, ServerError
from server.web.access import PUBLIC, AnyStepDep, CodeStepDep, PasswordStepDep, SignedInDep
from server.web.errors import json_error
from server.web.principal import Role, SignInStep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep
from server.web.threads import hashes_passwords

router = GuardedRouter(prefix="/api/v1/sign-in", tags=["sign-in"])


@router.post("", dependencies=[PUBLIC], response_model=SignInRead)
async def sign_in(
    body: SignInRequest, database: DatabaseDep, settings: SettingsDep, origin: OriginDep
) -> Response:
    """Sign in; the answer sets the sign-in cookie. `step` says what the sign-in still lacks."""
    guess = signing_in.Credentials(
        username=body.username,
        password=body.password.get_secret_value(),
        place=origin.place(body.username),
    )
    wrong = NotSignedInError("The name or the password is not right.", problem="wrong_sign_in")
    answer = partial(_answer, origin=origin, wrong=wrong)
    return await sign_in_by_turns(database, settings, guess, answer)


@router.post("/code", response_model=SignInRead)
def enter_code(
    body: CodeEntry, principal: CodeStepDep, db: DBDep, two_step: TwoStepDep
) -> Response:
    """Complete a sign-in with a code of the authenticator app, or with a recovery code."""
    outcome = two_step.of(db, principal).enter(body.code.get_secret_value(), now())
    wrong = NotSignedInError("The code is not right.", problem="wrong_code")
    return _answer(outcome, two_step.origin, wrong=wrong)


@router.get("")
def who_am_i(principal: SignedInDep) -> SignInRead:
    """Who is signed in."""
    return SignInRead(
        account_id=principal.account_id,
        display_name=principal.display_name,
        role=principal.role,
        must_change_password=principal.must_change_password,
        step=principal.step,
    )


@router.delete("", status_code=204)
def sign_out(_: AnyStepDep, db: DBDep, origin: OriginDep) -> Response:
    """Sign out; the sign-in ends on the server, not only in this browser."""
    service.sign_out(db, token=origin.token)
    response = Response(status_code=204)
    origin.cookies.clear(response)
    return response


@router.post("/password", status_code=204)
@hashes_passwords
def set_password(
    body: PasswordChange,
    principal: PasswordStepDep,
    database: DatabaseDep,
    settings: SettingsDep,
    origin: OriginDep,
) -> Response:
    """Change one's own password; all one's other sign-ins end."""
    account = change_password(
        database,
        settings,
        account_id=principal.account_id,
        passwords=Passwords(body.old.get_secret_value(), body.new.get_secret_value()),
        token=origin.token,
        at=now(),
    )
    if account.username == service.ADMIN_NAME:
        forget_admin_password(settings)
    response = Response(status_code=204)
    origin.know(response, account)
    return response


def _answer(
    outcome: signing_in.SignInOutcome, origin: SignInOrigin, *, wrong: ServerError
) -> Response:
    match outcome:
        case signing_in.Refused():
            return json_error(wrong)
        case signing_in.Locked(until):
            return json_error(too_many(until, now()))
        case signing_in.SignedIn(token, account, step):
            response = JSONResponse(_read(account, step).model_dump(mode="json"))
            origin.admit(response, token, account, is_known=step is not SignInStep.CODE)
            return response


def _read(account: Account, step: SignInStep | None) -> SignInRead:
    return SignInRead(
        account_id=account.id,
        display_name=account.display_name,
        role=Role(account.role),
        must_change_password=account.must_change_password,
        step=step,
    )
