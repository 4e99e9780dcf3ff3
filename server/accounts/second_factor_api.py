"""Two-step sign-in: set it up, renew recovery codes, switch it off. The JSON API."""

from starlette.responses import JSONResponse, Response

from server.accounts.own_second_factor import Codes, Removed, TwoStepDep
from server.accounts.password_change import check_password
from server.accounts.schemas import CodeEntry, PasswordAgain, RecoveryCodes, SecondFactorSetup
from server.accounts.signing_in import Locked, Refused
from server.accounts.throttle import too_many
from server.db.dependencies import DatabaseDep, DBDep
from server.db.types import now
from server.errors import InvalidError
from server.web.access import SecondFactorStepDep, SignedInDep
from server.web.errors import json_error
from server.web.routes import GuardedRouter
from server.web.threads import hashes_passwords

router = GuardedRouter(prefix="/api/v1/sign-in/second-factor", tags=["sign-in"])


@router.post("", status_code=201)
@hashes_passwords
def start(
    body: PasswordAgain,
    principal: SecondFactorStepDep,
    database: DatabaseDep,
    two_step: TwoStepDep,
) -> SecondFactorSetup:
    """Make a secret for an authenticator app. It counts once a code has confirmed it."""
    check_password(
        database,
        two_step.settings,
        account_id=principal.account_id,
        password=body.password.get_secret_value(),
        token=two_step.origin.token,
        at=now(),
    )
    with database.transaction() as db:
        setup = two_step.of(db, principal).start(now())
    return SecondFactorSetup(secret=setup.secret, uri=setup.uri)


@router.post("/confirm", response_model=RecoveryCodes)
def confirm(
    body: CodeEntry, principal: SecondFactorStepDep, db: DBDep, two_step: TwoStepDep
) -> Response:
    """Switch it on with the first code; all other sign-ins end. Shows the recovery codes once."""
    return _answer(two_step.of(db, principal).confirm(body.code.get_secret_value(), now()))


@router.post("/recovery-codes", response_model=RecoveryCodes)
def renew_recovery_codes(
    body: CodeEntry, principal: SignedInDep, db: DBDep, two_step: TwoStepDep
) -> Response:
    """Replace the recovery codes, and show the new ones once. Needs a code."""
    return _answer(two_step.of(db, principal).renew_codes(body.code.get_secret_value(), now()))


@router.post("/remove", status_code=204)
def remove(body: CodeEntry, principal: SignedInDep, db: DBDep, two_step: TwoStepDep) -> Response:
    """Switch it off; all other sign-ins end. Needs a code."""
    return _answer(two_step.of(db, principal).remove(body.code.get_secret_value(), now()))


def _answer(outcome: Codes | Removed | Refused | Locked) -> Response:
    match outcome:
        case Refused():
            return json_error(InvalidError("The code is not right.", problem="wrong_code"))
        case Locked(until):
            return json_error(too_many(until, now()))
        case Removed():
            return Response(status_code=204)
        case Codes(codes):
            return JSONResponse(RecoveryCodes(recovery_codes=codes).model_dump())
