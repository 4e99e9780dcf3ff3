"""Accounts for admins: the JSON API."""

import uuid

from server.accounts import administration
from server.accounts.schemas import AccountCreate, AccountRead, OneTimePassword, RoleChange
from server.accounts.tables import Account
from server.db.dependencies import DBDep, ReadDBDep
from server.web.access import AdminDep
from server.web.principal import Role
from server.web.routes import GuardedRouter

router = GuardedRouter(prefix="/api/v1/accounts", tags=["accounts"])


@router.get("")
def list_accounts(_: AdminDep, db: ReadDBDep) -> list[AccountRead]:
    """Every account: the active ones first, by name."""
    return [_read(account) for account in administration.accounts(db)]


@router.post("", status_code=201)
def add_account(body: AccountCreate, principal: AdminDep, db: DBDep) -> OneTimePassword:
    """Add an account; the answer holds its one-time password, which is shown this once."""
    account, password = administration.add_account(db, body, principal=principal)
    return OneTimePassword(account=_read(account), one_time_password=password)


@router.post("/{account_id}/password")
def reset_password(account_id: uuid.UUID, principal: AdminDep, db: DBDep) -> OneTimePassword:
    """Give another account a new one-time password and end its sign-ins."""
    account, password = administration.reset_password(db, account_id, principal=principal)
    return OneTimePassword(account=_read(account), one_time_password=password)


@router.post("/{account_id}/disable")
def disable(account_id: uuid.UUID, principal: AdminDep, db: DBDep) -> AccountRead:
    """Sign an account out everywhere and let it in no more."""
    account = administration.set_active(db, account_id, is_active=False, principal=principal)
    return _read(account)


@router.post("/{account_id}/enable")
def enable(account_id: uuid.UUID, principal: AdminDep, db: DBDep) -> AccountRead:
    """Let a disabled account in again."""
    account = administration.set_active(db, account_id, is_active=True, principal=principal)
    return _read(account)


@router.put("/{account_id}/role")
def change_role(
    account_id: uuid.UUID, body: RoleChange, principal: AdminDep, db: DBDep
) -> AccountRead:
    """Give an account another role."""
    account = administration.set_role(db, account_id, role=body.role, principal=principal)
    return _read(account)


def _read(account: Account) -> AccountRead:
    return AccountRead(
        id=account.id,
        username=account.username,
        display_name=account.display_name,
        role=Role(account.role),
        is_active=account.is_active,
        must_change_password=account.must_change_password,
        created_at=account.created_at,
        last_sign_in_at=account.last_sign_in_at,
    )
