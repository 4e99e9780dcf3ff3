"""The names of those who did something, for lists that people read."""

import uuid
from collections.abc import Iterable

from sqlmodel import Session, col, select

from server.accounts.tables import Account

_PREFIX = "account:"


def actor_names(db: Session, actors: Iterable[str | None]) -> dict[str, str]:
    """Return display names by actor such as `account:<id>`; other kinds of actors are left out."""
    by_id = {
        uuid.UUID(actor.removeprefix(_PREFIX)): actor
        for actor in actors
        if actor is not None and actor.startswith(_PREFIX)
    }
    if not by_id:
        return {}
    found = db.exec(select(Account).where(col(Account.id).in_(by_id)))
    return {by_id[account.id]: account.display_name for account in found}
