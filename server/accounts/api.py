"""Sign in, sign out, change one's password: the JSON API."""

from fastapi import Request
from starlette.responses import JSONResponse, Response

from server.accounts import service, signing_in
from server.accounts.admin_password import forget_admin_password
from server.accounts.schemas import PasswordChange, SignInRead, SignInRequest
from server.db.dependencies import DatabaseDep, DBDep
from server.db.types import now
from server.errors import NotSignedInError, TooManyAttemptsError
from server.web.access import PUBLIC, SignedInDep
from server.web.errors import json_error
from server.web.principal import Role
from server.web.routes import GuardedRouter
from server.web.state import CookiesDep, SettingsDep, get_cookies

router = GuardedRouter(prefix="/api/v1/sign-in", tags=["sign-in"])


@router.post("", dependencies=[PUBLIC], response_model=SignInRead)
def sign_in(
    request: Request,
    body: SignInRequest,
    database: DatabaseDep,
    settings: SettingsDep,
    cookies: CookiesDep,
) -> Response:
    """Sign in; the answer sets the sign-in cookie."""
    guess = signing_in.Credentials(
        username=body.username,
        password=body.password.get_secret_value(),
        device=cookies.device_of(request, service.normalise(body.username)),
    )
    outcome = signing_in.sign_in(database, settings, guess=guess, at=now())
    match outcome:
        case signing_in.Refused():
            return json_error(
                NotSignedInError("The name or the password is not right.", problem="wrong_sign_in")
            )
        case signing_in.Locked(until):
            return json_error(TooManyAttemptsError(until=until.isoformat()))
        case signing_in.SignedIn(token, account):
            read = SignInRead(
                account_id=account.id,
                display_name=account.display_name,
                role=Role(account.role),
                must_change_password=account.must_change_password,
            )
            response = JSONResponse(read.model_dump(mode="json"))
            cookies.issue(response, token)
            cookies.know_device(response, account.username)
            return response


@router.get("")
def who_am_i(principal: SignedInDep) -> SignInRead:
    """Who is signed in."""
    return SignInRead(
        account_id=principal.account_id,
        display_name=principal.display_name,
        role=principal.role,
        must_change_password=principal.must_change_password,
    )


@router.delete("", status_code=204)
def sign_out(request: Request, _: SignedInDep, db: DBDep, cookies: CookiesDep) -> Response:
    """Sign out; the sign-in ends on the server, not only in this browser."""
    service.sign_out(db, token=cookies.token_of(request))
    response = Response(status_code=204)
    cookies.clear(response)
    return response


@router.post("/password", status_code=204)
def change_password(
    request: Request,
    body: PasswordChange,
    principal: SignedInDep,
    db: DBDep,
    settings: SettingsDep,
) -> Response:
    """Change one's own password; all one's other sign-ins end."""
    account = service.change_password(
        db,
        principal.account_id,
        old=body.old.get_secret_value(),
        new=body.new.get_secret_value(),
        keep_token=get_cookies(request).token_of(request),
    )
    if account.username == service.ADMIN_NAME:
        forget_admin_password(settings)
    return Response(status_code=204)
