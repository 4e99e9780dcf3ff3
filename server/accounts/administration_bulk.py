"""Disable several accounts at once: never one's own, never the last admin."""

import uuid
from collections.abc import Collection

from sqlmodel import Session, col, select

from server.accounts.administration import set_active
from server.accounts.tables import Account
from server.db.lock import FIRST_ACCOUNT_LOCK, SIGN_IN_LOCK, lock_until_commit
from server.db.many import ManyOutcome, change_each
from server.errors import ConflictError
from server.web.ports import ForgetIneligible
from server.web.principal import Principal


def disable_many(
    db: Session, ids: Collection[uuid.UUID], *, principal: Principal, forget: ForgetIneligible
) -> ManyOutcome:
    """Disable accounts; see `administration.set_active`."""
    lock_until_commit(db, FIRST_ACCOUNT_LOCK)
    lock_until_commit(db, SIGN_IN_LOCK)

    def disable(account_id: uuid.UUID) -> None:
        account = db.get(Account, account_id, populate_existing=True)
        if account is not None and not account.is_active:
            raise ConflictError("This account is disabled.", problem="disabled_already")
        set_active(db, account_id, is_active=False, principal=principal, forget=forget)

    return change_each(db, ids, disable)


def accounts_by_name(db: Session, ids: Collection[uuid.UUID]) -> list[Account]:
    """Return the accounts that exist among these ids, by display name."""
    query = select(Account).where(col(Account.id).in_(ids))
    return list(db.exec(query.order_by(col(Account.display_name), col(Account.username))))
