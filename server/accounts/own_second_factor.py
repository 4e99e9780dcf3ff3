"""What a person does with the second step of their own sign-in."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from sqlmodel import Session

from server.accounts import second_factor
from server.accounts.origins import OriginDep, SignInOrigin
from server.accounts.second_factor import Setup
from server.accounts.service import get_account
from server.accounts.sessions import complete_sign_in, next_step
from server.accounts.signing_in import Locked, Refused, SignedIn, refuse, welcome
from server.accounts.throttle import Throttle, settle, take
from server.config import Settings
from server.db.lock import SIGN_IN_LOCK, lock_until_commit
from server.db.vault import Vault
from server.web.principal import Principal, SignInStep
from server.web.state import SettingsDep, VaultDep


@dataclass(frozen=True)
class Codes:
    """Recovery codes, which are shown this once."""

    recovery_codes: list[str]


@dataclass(frozen=True)
class Removed:
    """Two-step sign-in is off."""


@dataclass(frozen=True)
class TwoStep:
    """What an endpoint about one's own second step works with.

    Attributes:
        settings: of the server.
        vault: keeps the secret.
        origin: where the request comes from.
    """

    settings: Settings
    vault: Vault
    origin: SignInOrigin

    def of(self, db: Session, principal: Principal) -> "OwnSecondFactor":
        """Return the second step of the person who asks."""
        return OwnSecondFactor(db, self, principal)


async def _two_step(settings: SettingsDep, vault: VaultDep, origin: OriginDep) -> TwoStep:
    return TwoStep(settings, vault, origin)


TwoStepDep = Annotated[TwoStep, Depends(_two_step)]


class OwnSecondFactor:
    """The second step of one person. A wrong code is an answer, so that its count is committed.

    Args:
        db: the caller's.
        two_step: settings, vault and origin.
        principal: whose.
    """

    def __init__(self, db: Session, two_step: TwoStep, principal: Principal) -> None:
        self._db = db
        self._settings = two_step.settings
        self._vault = two_step.vault
        self._origin = two_step.origin
        self._principal = principal
        self._account = get_account(db, principal.account_id)

    def start(self, at: datetime) -> Setup:
        """Make a new secret, after the password was asked for.

        Raises:
            ConflictError: it is on already.
        """
        second_factor.start(self._db, self._vault, self._account, at)
        setup = self.setup()
        assert setup is not None
        return setup

    def setup(self) -> Setup | None:
        """Return the secret that waits for its first code; None: none does."""
        issuer = self._settings.school.name
        return second_factor.setup_of(self._db, self._vault, self._account, issuer=issuer)

    def confirm(self, text: str, at: datetime) -> Codes | Refused | Locked:
        """Switch it on with the first code of the app.

        Raises:
            ConflictError: nothing waits for a code.
        """
        token = self._origin.token
        taken = take(self._db, Throttle(self._settings).for_session(token), at)
        if isinstance(taken, datetime):
            return Locked(taken)
        codes = second_factor.confirm(
            self._db, self._vault, self._account, code=text, at=at, keep_token=token
        )
        if codes is None:
            return Refused()
        settle(self._db, taken, at)
        return Codes(codes)

    def renew_codes(self, text: str, at: datetime) -> Codes | Refused | Locked:
        """Replace the recovery codes; needs a code."""
        if (refused := self.check(text, at)) is not None:
            return refused
        return Codes(second_factor.renew_recovery_codes(self._db, self._account))

    def remove(self, text: str, at: datetime) -> Removed | Refused | Locked:
        """Switch it off; needs a code. All other sign-ins end."""
        if (refused := self.check(text, at)) is not None:
            return refused
        second_factor.remove(
            self._db,
            self._account,
            actor=self._principal.actor,
            action="account.remove_second_factor",
            keep_token=self._origin.token,
        )
        return Removed()

    def enter(self, text: str, at: datetime) -> SignedIn | Refused | Locked:
        """Complete the sign-in that waits for a code."""
        if (refused := self.check(text, at)) is not None:
            return refused
        token, name = self._origin.token, self._account.username
        if self._principal.step is SignInStep.CODE:
            complete_sign_in(self._db, self._settings, token=token, at=at)
            place = self._origin.place(name)
            welcome(self._db, Throttle(self._settings), self._account, place, at)
        return SignedIn(token, self._account, next_step(self._db, self._account, needs_code=False))

    def check(self, text: str, at: datetime) -> Refused | Locked | None:
        """Count and check a code of the app or a recovery code; None: it was right."""
        place = self._origin.place(self._account.username)
        lock_until_commit(self._db, SIGN_IN_LOCK)
        self._db.refresh(self._account)
        by = Throttle(self._settings).for_code(self._db, self._account, place, at)
        taken = take(self._db, by, at)
        if isinstance(taken, datetime):
            return Locked(taken)
        if not second_factor.verify(self._db, self._vault, self._account, code=text, at=at):
            return refuse(self._db, self._account, taken, at)
        settle(self._db, taken, at)
        return None
