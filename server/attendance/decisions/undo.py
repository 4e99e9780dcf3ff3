"""What an undo restores: pure rules, no database."""

import uuid
from collections.abc import Collection, Iterable
from itertools import groupby
from operator import attrgetter

from server.attendance.register import Ruling


def restored(
    rulings: Iterable[Ruling], undone: Collection[uuid.UUID]
) -> dict[uuid.UUID, Ruling | None]:
    """Return what each line goes back to when some corrections are undone.

    Lines that were changed since are left out: what came later stays.

    Args:
        rulings: every correction of the lesson, in any order, repeats allowed.
        undone: ids of the corrections that are undone.

    Returns:
        By person: the correction that counted before; None where events alone did.
    """
    found: dict[uuid.UUID, Ruling | None] = {}
    ordered = sorted(set(rulings), key=lambda one: (one.person_id, one.made_at, one.ruling_id))
    for person_id, group in groupby(ordered, key=attrgetter("person_id")):
        line = list(group)
        if line[-1].ruling_id in undone:
            before = [one for one in line if one.ruling_id not in undone]
            found[person_id] = before[-1] if before else None
    return found
