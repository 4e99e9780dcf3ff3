"""Sign-ins: opened, looked up at each request, and ended. Every way in which one ends is here."""

import secrets
import uuid
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from server.accounts import refusals, throttle
from server.accounts.tables import Account, SecondFactor, SecondFactorRole, SignIn
from server.accounts.throttle import digest
from server.config import Settings
from server.db.lock import SIGN_IN_LOCK, lock_until_commit
from server.errors import NotSignedInError
from server.web.principal import Principal, Role, SignInStep

#: A sign-in's last use is written at most this often.
TOUCH_EVERY = timedelta(minutes=1)
#: A sign-in that waits for the code of its second step ends after this.
CODE_WAIT = timedelta(minutes=10)


def open_sign_in(
    db: Session, settings: Settings, account: Account, at: datetime, *, needs_code: bool = False
) -> str:
    """Open a sign-in; returns the token for the cookie, which is kept nowhere."""
    purge(db, at=at)
    token = secrets.token_urlsafe(32)
    row = SignIn(
        token_hash=digest(token),
        account_id=account.id,
        created_at=at,
        last_seen_at=at,
        expires_at=at + (CODE_WAIT if needs_code else timedelta(hours=settings.sign_in_max_hours)),
        needs_code=needs_code,
    )
    db.add(row)
    return token


def complete_sign_in(db: Session, settings: Settings, *, token: str, at: datetime) -> None:
    """Note that the code of the second step was right.

    Raises:
        NotSignedInError: the sign-in was ended meanwhile.
    """
    row = db.get(SignIn, digest(token))
    if row is None:
        raise NotSignedInError
    row.needs_code = False
    row.expires_at = row.created_at + timedelta(hours=settings.sign_in_max_hours)
    row.last_seen_at = at


def principal_of(
    db: Session, settings: Settings, *, token: str, at: datetime
) -> tuple[Principal, bool] | None:
    """Whose sign-in a token is, and whether its last use should be written again; None if none."""
    query = (
        select(SignIn, Account, SecondFactorRole.role, SecondFactor.confirmed_at)
        .join(Account, col(Account.id) == col(SignIn.account_id))
        .outerjoin(SecondFactorRole, col(SecondFactorRole.role) == col(Account.role))
        .outerjoin(SecondFactor, col(SecondFactor.account_id) == col(Account.id))
        .where(col(SignIn.token_hash) == digest(token))
    )
    found = db.exec(query).first()
    if found is None:
        return None
    row, account = found[0], found[1]
    idle = timedelta(minutes=settings.sign_in_idle_minutes)
    if row.expires_at <= at or row.last_seen_at + idle <= at or not account.is_active:
        return None
    is_required, confirmed_at = bool(found[2]), found[3]
    lacks_factor = is_required and confirmed_at is None
    step = step_of(account, needs_code=row.needs_code, lacks_factor=lacks_factor)
    principal = Principal(account.id, account.display_name, Role(account.role), step)
    return principal, row.last_seen_at + TOUCH_EVERY <= at


def next_step(db: Session, account: Account, *, needs_code: bool) -> SignInStep | None:
    """Return what a sign-in of this account lacks; None: it is complete."""
    is_required = db.get(SecondFactorRole, account.role) is not None
    lacks_factor = is_required and not has_second_factor(db, account.id)
    return step_of(account, needs_code=needs_code, lacks_factor=lacks_factor)


def has_second_factor(db: Session, account_id: uuid.UUID) -> bool:
    """Whether an account's sign-ins need a code."""
    row = db.get(SecondFactor, account_id)
    return row is not None and row.confirmed_at is not None


def touch(db: Session, *, token: str, at: datetime) -> None:
    """Write that a sign-in is still in use."""
    row = db.get(SignIn, digest(token))
    if row is not None:
        row.last_seen_at = at


def is_open(db: Session, token: str) -> bool:
    """Whether nobody has ended this sign-in meanwhile."""
    return db.get(SignIn, digest(token)) is not None


def end_sign_in(db: Session, token: str) -> uuid.UUID | None:
    """End one sign-in; returns whose it was, or None. Its cookie is worthless from then on."""
    lock_until_commit(db, SIGN_IN_LOCK)
    row = db.get(SignIn, digest(token))
    if row is None:
        return None
    db.delete(row)
    return row.account_id


def end_sign_ins(db: Session, account_id: uuid.UUID, *, except_token: str = "") -> None:
    """Sign an account out everywhere, but for one sign-in that may stay.

    Every transaction that ends sign-ins takes the sign-in lock before it reads the account, and
    before it writes to the audit trail: so none that is being opened is missed.
    """
    lock_until_commit(db, SIGN_IN_LOCK)
    others = delete(SignIn).where(
        col(SignIn.account_id) == account_id, col(SignIn.token_hash) != digest(except_token)
    )
    db.exec(others)


def purge(db: Session, *, at: datetime) -> None:
    """Delete sign-ins that are over, and counts of guesses that are long past."""
    db.exec(delete(SignIn).where(col(SignIn.expires_at) <= at))
    throttle.sweep(db, at)
    refusals.sweep(db, at)


def step_of(account: Account, *, needs_code: bool, lacks_factor: bool) -> SignInStep | None:
    """Return what an account still has to do before anything else; None: nothing."""
    if needs_code:
        return SignInStep.CODE
    if account.must_change_password:
        return SignInStep.PASSWORD
    return SignInStep.SECOND_FACTOR if lacks_factor else None
