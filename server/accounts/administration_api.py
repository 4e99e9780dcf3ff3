"""Accounts for admins: the JSON API."""

import uuid
from collections.abc import Collection

from server.accounts import administration, second_factor
from server.accounts.new_account import AccountCreate
from server.accounts.schemas import (
    AccountRead,
    OneTimePassword,
    RoleChange,
    SecondFactorRoles,
)
from server.accounts.tables import Account
from server.db.dependencies import DatabaseDep, DBDep, ReadDBDep
from server.web.access import AdminDep
from server.web.principal import Role
from server.web.routes import GuardedRouter
from server.web.state import ForgetIneligibleDep
from server.web.threads import hashes_passwords

router = GuardedRouter(prefix="/api/v1/accounts", tags=["accounts"])


@router.get("")
def list_accounts(_: AdminDep, db: ReadDBDep) -> list[AccountRead]:
    """Every account: the active ones first, by name."""
    with_one = second_factor.accounts_with_one(db)
    return [_read(account, with_one) for account in administration.accounts(db)]


@router.post("", status_code=201)
@hashes_passwords
def add_account(body: AccountCreate, principal: AdminDep, database: DatabaseDep) -> OneTimePassword:
    """Add an account; the answer holds its one-time password, which is shown this once."""
    account, password = administration.add_account(database, body, principal=principal)
    return OneTimePassword(account=_read(account), one_time_password=password)


@router.get("/second-factor-roles")
def read_second_factor_roles(_: AdminDep, db: ReadDBDep) -> SecondFactorRoles:
    """The roles of which the school requires two-step sign-in."""
    return SecondFactorRoles(roles=sorted(second_factor.required_roles(db)))


@router.put("/second-factor-roles")
def set_second_factor_roles(
    body: SecondFactorRoles, principal: AdminDep, db: DBDep
) -> SecondFactorRoles:
    """Require two-step sign-in of these roles, from the next request of each account on."""
    second_factor.require_of(db, frozenset(body.roles), actor=principal.actor)
    return SecondFactorRoles(roles=sorted(second_factor.required_roles(db)))


@router.delete("/{account_id}/second-factor")
def reset_second_factor(account_id: uuid.UUID, principal: AdminDep, db: DBDep) -> AccountRead:
    """Remove another account's second step and end its sign-ins."""
    account = administration.reset_second_factor(db, account_id, principal=principal)
    return _read(account)


@router.post("/{account_id}/password")
@hashes_passwords
def reset_password(
    account_id: uuid.UUID, principal: AdminDep, database: DatabaseDep
) -> OneTimePassword:
    """Give another account a new one-time password and end its sign-ins."""
    account, password = administration.reset_password(database, account_id, principal=principal)
    with database.reading() as db:
        with_one = second_factor.accounts_with_one(db)
    return OneTimePassword(account=_read(account, with_one), one_time_password=password)


@router.post("/{account_id}/disable")
def disable(
    account_id: uuid.UUID, principal: AdminDep, db: DBDep, forget: ForgetIneligibleDep
) -> AccountRead:
    """Sign an account out everywhere and let it in no more."""
    account = administration.set_active(
        db, account_id, is_active=False, principal=principal, forget=forget
    )
    return _read(account, second_factor.accounts_with_one(db))


@router.post("/{account_id}/enable")
def enable(
    account_id: uuid.UUID, principal: AdminDep, db: DBDep, forget: ForgetIneligibleDep
) -> AccountRead:
    """Let a disabled account in again."""
    account = administration.set_active(
        db, account_id, is_active=True, principal=principal, forget=forget
    )
    return _read(account, second_factor.accounts_with_one(db))


@router.put("/{account_id}/role")
def change_role(
    account_id: uuid.UUID,
    body: RoleChange,
    principal: AdminDep,
    db: DBDep,
    forget: ForgetIneligibleDep,
) -> AccountRead:
    """Give an account another role."""
    account = administration.set_role(
        db, account_id, role=body.role, principal=principal, forget=forget
    )
    return _read(account, second_factor.accounts_with_one(db))


def _read(account: Account, with_one: Collection[uuid.UUID] = ()) -> AccountRead:
    return AccountRead(
        id=account.id,
        username=account.username,
        display_name=account.display_name,
        role=Role(account.role),
        is_active=account.is_active,
        must_change_password=account.must_change_password,
        has_second_factor=account.id in with_one,
        created_at=account.created_at,
        last_sign_in_at=account.last_sign_in_at,
    )
