"""What an undo restores, and how long it is possible: pure rules, no database."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter

from server.attendance.register import Ruling

#: An action over several lines can be undone for so long.
UNDO_OFFERED = timedelta(hours=1)


def is_fresh(made_at: datetime, at: datetime) -> bool:
    """Whether an action is young enough to be undone."""
    return at - made_at <= UNDO_OFFERED


def is_confirmed_since(made_at: datetime, confirmed_at: datetime | None) -> bool:
    """Whether the register was confirmed after an action: then the action stays."""
    return confirmed_at is not None and confirmed_at >= made_at


def void_batches(undoes: Mapping[uuid.UUID, uuid.UUID | None]) -> set[uuid.UUID]:
    """Return the actions that say nothing any more: those that were undone, and their undos.

    Args:
        undoes: every action of the lesson, with the one that it undid; None where it is no undo.
    """
    undos = {batch: undone for batch, undone in undoes.items() if undone is not None}
    return {*undos, *undos.values()}


def restored(
    rulings: Iterable[Ruling],
    undone: Collection[uuid.UUID],
    void: Collection[uuid.UUID] = frozenset(),
) -> dict[uuid.UUID, Ruling | None]:
    """Return what each line goes back to when some corrections are undone.

    Lines that were changed since are left out: what came later stays. What an undo wrote is no
    such change, and neither is what it took back.

    Args:
        rulings: every correction of the lesson, in any order, repeats allowed.
        undone: ids of the corrections that are undone.
        void: ids of the corrections of `void_batches`.

    Returns:
        By person: the correction that counted before; None where events alone did.
    """
    found: dict[uuid.UUID, Ruling | None] = {}
    live = {one for one in rulings if one.ruling_id not in void}
    ordered = sorted(live, key=lambda one: (one.person_id, one.made_at, one.ruling_id))
    for person_id, group in groupby(ordered, key=attrgetter("person_id")):
        line = list(group)
        if line[-1].ruling_id in undone:
            before = [one for one in line if one.ruling_id not in undone]
            found[person_id] = before[-1] if before else None
    return found
