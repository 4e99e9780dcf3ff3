"""Which uses of a phone's code count, and which are replays: pure rules, no database, no clock."""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from server.attendance.register import EventKey, RegisterEvent


class CodeUseEvent(NamedTuple):
    """An event with the code of a phone that it carries.

    Attributes:
        is_mark: whether the kiosk marked the person in a lesson; at a wrong door it does not.
    """

    code: str
    event: RegisterEvent
    is_mark: bool = True


def replays_among(uses: Iterable[CodeUseEvent]) -> set[EventKey]:
    """Return the events whose code counts at another kiosk.

    Args:
        uses: of all kiosks, in any order, without what a person took back. Of each code the
            earliest use counts that marked a person, else the earliest, by the register's order; so
            the order of arrival changes nothing, and who shows a phone at a wrong door or to a
            stranger's kiosk first loses no mark.
    """
    counts: dict[str, uuid.UUID] = {}
    ordered = sorted(uses, key=_use_order)
    for use in ordered:
        counts.setdefault(use.code, use.event.kiosk_id)
    return {use.event.key for use in ordered if use.event.kiosk_id != counts[use.code]}


def _use_order(use: CodeUseEvent) -> tuple[bool, datetime, uuid.UUID, uuid.UUID]:
    event = use.event
    return not use.is_mark, event.counted_at, event.event_id, event.kiosk_id
