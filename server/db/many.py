"""Do the same to many rows in one transaction: each of them, or a reason why not."""

import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass

from sqlmodel import Session

from server.errors import ServerError


@dataclass(frozen=True)
class ManyOutcome:
    """What became of many rows.

    Attributes:
        done: the ids of those that changed.
        skipped: the others, and why.
    """

    done: list[uuid.UUID]
    skipped: dict[uuid.UUID, ServerError]


def change_each(
    db: Session, ids: Collection[uuid.UUID], change: Callable[[uuid.UUID], None]
) -> ManyOutcome:
    """Do the same to each, in the order of their ids; what one refuses leaves the others.

    The caller has taken every lock that a change takes: a refused change gives its own back.
    """
    done: list[uuid.UUID] = []
    skipped: dict[uuid.UUID, ServerError] = {}
    for key in sorted(set(ids)):
        try:
            with db.begin_nested():
                change(key)
        except ServerError as exc:
            skipped[key] = exc
        else:
            done.append(key)
    return ManyOutcome(done, skipped)
