"""What admins do to accounts: list, add, disable, give another role, reset a password or a code.

At least one account that may do this always stays: nobody acts on their own account here, and the
last active admin is neither disabled nor given another role.
"""

import uuid
from collections.abc import Sequence
from enum import StrEnum

from sqlmodel import Session, col, func, select

from server.accounts import second_factor
from server.accounts.new_account import AccountCreate
from server.accounts.passwords import OneTime
from server.accounts.service import (
    get_account,
    insert_account,
    normalise,
    note,
    renew_password,
)
from server.accounts.sessions import end_sign_ins
from server.accounts.tables import Account
from server.db.engine import Database
from server.db.lock import FIRST_ACCOUNT_LOCK, SIGN_IN_LOCK, lock_until_commit
from server.db.types import now
from server.errors import ConflictError
from server.web.ports import ForgetIneligible
from server.web.principal import Principal, Role


class AccountState(StrEnum):
    """Whether an account can be used."""

    ACTIVE = "active"
    ONE_TIME = "one_time"
    DISABLED = "disabled"


def state_of(account: Account) -> AccountState:
    """Return whether an account is used, waits for its first sign-in, or is disabled."""
    if not account.is_active:
        return AccountState.DISABLED
    return AccountState.ONE_TIME if account.must_change_password else AccountState.ACTIVE


def accounts(db: Session) -> list[Account]:
    """Every account: the active ones first, by name."""
    return list(
        db.exec(select(Account).order_by(col(Account.is_active).desc(), col(Account.username)))
    )


def add_account(
    database: Database, new: AccountCreate, *, principal: Principal
) -> tuple[Account, str]:
    """Add an account; returns it with its one-time password, which is kept nowhere.

    Raises:
        ConflictError: the name is taken.
    """
    password = OneTime.new()
    account = Account(
        username=normalise(new.username),
        display_name=new.display_name,
        role=new.role.value,
        password_hash=password.hashed,
        must_change_password=True,
    )
    with database.transaction() as db:
        insert_account(db, account, actor=principal.actor)
    return account, password.text


def reset_password(
    database: Database, account_id: uuid.UUID, *, principal: Principal
) -> tuple[Account, str]:
    """Give another account a new one-time password and end its sign-ins.

    Raises:
        NotFoundError: no such account.
        ConflictError: it is the admin's own account, whose password is changed, not reset.
    """
    password = OneTime.new()
    with database.transaction() as db:
        account = _of_somebody_else(db, account_id, principal)
        renew_password(db, account, password, actor=principal.actor)
    return account, password.text


def without_sign_in(db: Session) -> list[Account]:
    """Return the active accounts that nobody has signed in with yet, by display name."""
    query = select(Account).where(
        col(Account.is_active).is_(True),
        col(Account.must_change_password).is_(True),
        col(Account.last_sign_in_at).is_(None),
    )
    return list(db.exec(query.order_by(col(Account.display_name), col(Account.username))))


def first_passwords(
    database: Database, account_ids: Sequence[uuid.UUID], *, principal: Principal
) -> list[tuple[Account, str]]:
    """Give accounts that nobody has signed in with a new one-time password each.

    Accounts that were used or disabled meanwhile are left out, and so is the admin's own.

    Returns:
        By display name. The passwords are kept nowhere.
    """
    wanted = {one: OneTime.new() for one in account_ids}
    with database.transaction() as db:
        lock_until_commit(db, FIRST_ACCOUNT_LOCK)
        lock_until_commit(db, SIGN_IN_LOCK)
        chosen = [
            account
            for account in without_sign_in(db)
            if account.id in wanted and account.id != principal.account_id
        ]
        for account in chosen:
            renew_password(db, account, wanted[account.id], actor=principal.actor)
    return [(account, wanted[account.id].text) for account in chosen]


def set_active(
    db: Session,
    account_id: uuid.UUID,
    *,
    is_active: bool,
    principal: Principal,
    forget: ForgetIneligible,
) -> Account:
    """Disable an account, which signs it out everywhere, or enable it again.

    Its PIN, cards, link and API tokens end with it; enabling brings none of them back.

    Raises:
        NotFoundError: no such account.
        ConflictError: it is one's own, or the last active admin's.
    """
    account = _of_somebody_else(db, account_id, principal)
    if account.is_active == is_active:
        return account
    if not is_active:
        _keep_an_admin(db, account)
        end_sign_ins(db, account.id)
        account.tokens_from = now()
    account.is_active = False
    forget(db, account, actor=principal.actor)
    account.is_active = is_active
    action = "account.enable" if is_active else "account.disable"
    note(db, principal.actor, action, account.id)
    return account


def set_role(
    db: Session,
    account_id: uuid.UUID,
    *,
    role: Role,
    principal: Principal,
    forget: ForgetIneligible,
) -> Account:
    """Give an account another role; it counts from the next request on.

    PIN, cards and link end where the new role takes no roll.

    Raises:
        NotFoundError: no such account.
        ConflictError: it is one's own, or the last active admin's.
    """
    account = _of_somebody_else(db, account_id, principal)
    if account.role == role:
        return account
    _keep_an_admin(db, account)
    details = {"from": account.role, "to": role.value}
    account.role = role.value
    forget(db, account, actor=principal.actor)
    note(db, principal.actor, "account.change_role", account.id, details)
    return account


def reset_second_factor(db: Session, account_id: uuid.UUID, *, principal: Principal) -> Account:
    """Remove another account's second step, for a person who lost phone and recovery codes.

    Raises:
        NotFoundError: no such account.
        ConflictError: it is the admin's own account.
    """
    account = _of_somebody_else(db, account_id, principal)
    second_factor.remove(db, account, actor=principal.actor, action="account.reset_second_factor")
    return account


def _of_somebody_else(db: Session, account_id: uuid.UUID, principal: Principal) -> Account:
    # Two admins who act on each other at the same moment take turns, here and in every database.
    lock_until_commit(db, FIRST_ACCOUNT_LOCK)
    # Nor does a sign-in that is being opened survive what ends the account's sign-ins.
    lock_until_commit(db, SIGN_IN_LOCK)
    account = get_account(db, account_id)
    db.refresh(account)
    if account.id == principal.account_id:
        raise ConflictError("This is your own account.", problem="own_account")
    return account


def _keep_an_admin(db: Session, account: Account) -> None:
    if account.role != Role.ADMIN or not account.is_active:
        return
    others = select(func.count()).where(
        col(Account.role) == Role.ADMIN.value,
        col(Account.is_active).is_(True),
        col(Account.id) != account.id,
    )
    if db.exec(others).one() == 0:
        raise ConflictError("This is the last administrator.", problem="last_admin")
