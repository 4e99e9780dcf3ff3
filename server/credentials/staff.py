"""What an account loses that is disabled, or whose new role takes no roll."""

from sqlmodel import Session

from protocol.v1.checkin import HolderKind
from server.accounts.tables import Account
from server.audit.service import record
from server.credentials.eligible import may_hold
from server.credentials.service import HolderRef, begin_change, forget_holder, held_by


def forget_ineligible(db: Session, account: Account, *, actor: str) -> None:
    """Delete PIN, cards and link of an account that may have none; each is in the audit trail.

    Kiosks hear of it at once. The caller has written nothing to the audit trail yet.
    """
    if may_hold(account):
        return
    begin_change(db)
    holder = HolderRef(HolderKind.STAFF, account.id)
    ended = held_by(db, holder)
    if not ended:
        return
    forget_holder(db, holder)
    for what in ended:
        record(db, actor=actor, action=f"credentials.{what}_revoked", subject=holder.subject)
