"""Accounts: who there is, their passwords, and the first one."""

import unicodedata
import uuid

from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, select

from server.accounts import second_factor
from server.accounts.passwords import OneTime, hash_password, one_time_password
from server.accounts.sessions import end_sign_in, end_sign_ins, has_second_factor
from server.accounts.tables import Account
from server.accounts.throttle import forget_name
from server.audit.service import SYSTEM, record
from server.audit.tables import subject_of
from server.db.lock import FIRST_ACCOUNT_LOCK, SIGN_IN_LOCK, lock_until_commit
from server.db.types import now
from server.errors import ConflictError, NotFoundError
from server.web.principal import Role

ADMIN_NAME = "admin"


def normalise(username: str) -> str:
    """The form in which usernames are stored and compared."""
    return unicodedata.normalize("NFKC", username).strip().casefold()


def find_account(db: Session, username: str) -> Account | None:
    """The account of a name, or None."""
    return db.exec(select(Account).where(Account.username == normalise(username))).first()


def create_account(
    db: Session, *, username: str, display_name: str, role: Role, password: str, actor: str
) -> Account:
    """Create an account whose password must be changed at first use.

    Raises:
        ConflictError: the name is taken.
    """
    account = Account(
        username=normalise(username),
        display_name=display_name,
        role=role.value,
        password_hash=hash_password(password),
        must_change_password=True,
    )
    insert_account(db, account, actor=actor)
    return account


def insert_account(db: Session, account: Account, *, actor: str) -> None:
    """Store a new account, whose password is hashed already.

    Raises:
        ConflictError: the name is taken.
    """
    try:
        with db.begin_nested():
            db.add(account)
            db.flush()
    except IntegrityError as exc:
        raise ConflictError("An account of this name exists already.", problem="taken") from exc
    note(db, actor, "account.create", account.id, {"role": account.role})


def sign_out(db: Session, *, token: str) -> None:
    """End a sign-in. Its cookie is worthless from then on, wherever it was copied to."""
    account_id = end_sign_in(db, token)
    if account_id is not None:
        note(db, f"account:{account_id}", "account.sign_out", account_id)


def needs_second_factor(db: Session, *, username: str) -> bool:
    """Whether the sign-ins of a name need a code."""
    account = find_account(db, username)
    return account is not None and has_second_factor(db, account.id)


def reset_password(db: Session, *, username: str, remove_second_factor: bool = False) -> str:
    """Give an account a new one-time password, unlock it and end its sign-ins.

    Args:
        db: the caller's.
        username: of the account.
        remove_second_factor: switch two-step sign-in off too.

    Raises:
        NotFoundError: no such account.
    """
    password = OneTime.new()
    lock_until_commit(db, SIGN_IN_LOCK)
    account = find_account(db, username)
    if account is None:
        raise NotFoundError(
            f"There is no account named {normalise(username)}.", problem="no_account"
        )
    if not account.is_active:
        account.is_active = True
        note(db, SYSTEM, "account.enable", account.id)
    if remove_second_factor:
        second_factor.remove(db, account, actor=SYSTEM, action="account.reset_second_factor")
    renew_password(db, account, password, actor=SYSTEM)
    return password.text


def renew_password(db: Session, account: Account, password: OneTime, *, actor: str) -> None:
    """Give an account a new one-time password, unlock it, and end its sign-ins and API tokens.

    The caller holds the sign-in lock since before it read the account.
    """
    account.password_hash = password.hashed
    account.must_change_password = True
    account.tokens_from = now()
    second_factor.forget_unconfirmed(db, account.id)
    end_sign_ins(db, account.id)
    forget_name(db, account.username)
    note(db, actor, "account.reset_password", account.id)


def ensure_admin(db: Session) -> str | None:
    """Make the first account where there is none; returns its one-time password."""
    lock_until_commit(db, FIRST_ACCOUNT_LOCK)
    if db.exec(select(Account).limit(1)).first() is not None:
        return None
    password = one_time_password()
    create_account(
        db,
        username=ADMIN_NAME,
        display_name="Administrator",
        role=Role.ADMIN,
        password=password,
        actor=SYSTEM,
    )
    return password


def get_account(db: Session, account_id: uuid.UUID) -> Account:
    """One account.

    Raises:
        NotFoundError: no such account.
    """
    account = db.get(Account, account_id)
    if account is None:
        raise NotFoundError
    return account


def note(
    db: Session,
    actor: str,
    action: str,
    identity: uuid.UUID | str,
    details: dict[str, str] | None = None,
) -> None:
    """Write to the audit trail what was done to an account."""
    subject = subject_of("account", identity)
    record(db, actor=actor, action=action, subject=subject, details=details)
