"""Do something once a transaction is committed, and not at all where it is rolled back."""

from collections.abc import Callable

from sqlalchemy import event
from sqlmodel import Session


def after_commit(db: Session, call: Callable[[], None]) -> None:
    """Call back after the transaction of a session is committed.

    Args:
        db: the session; it has this one transaction.
        call: must not use the session, and must not fail.
    """

    def committed(session: Session) -> None:
        if not session.in_nested_transaction():  # the end of a savepoint is none of the transaction
            call()

    event.listen(db, "after_commit", committed)
