"""What the database says beforehand about the kiosks of one intake: one question each for all.

Most kiosks bring new events and nothing else. Asking for each of them whether it is in quarantine,
has lost anything or started anew costs more than storing what it brought.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy
from sqlalchemy import bindparam
from sqlmodel import Session

from protocol.v1.messages import EventBatch
from server.attendance.tables import BootClock, QuarantinedEvent, StoredEvent
from server.attendance.verification import Accepted
from server.db.pairs import PairLookup
from server.db.prepared import Prepared, several, table_of
from server.kiosks.tables import KioskProgress, LostSpan

_stored, _apart = table_of(StoredEvent), table_of(QuarantinedEvent)
_boots, _spans = table_of(BootClock), table_of(LostSpan)
_DUE = Prepared(
    sqlalchemy.select(_apart.c.kiosk_id)
    .where(_apart.c.due_at <= bindparam("at"), _apart.c.kiosk_id.in_(several("kiosks")))
    .distinct()
)
_STATED = Prepared(
    sqlalchemy.select(_spans.c.kiosk_id)
    .where(
        _spans.c.kiosk_id.in_(several("kiosks")),
        _spans.c.closed_at.is_(None),
        _spans.c.event_id.is_not(None),
    )
    .distinct()
)
_STORED = PairLookup(_stored.c.kiosk_id, _stored.c.id)
_APART = PairLookup(_apart.c.kiosk_id, _apart.c.event_id)
_BOOTS = PairLookup(_boots.c.kiosk_id, _boots.c.boot_id)

#: What one kiosk brought: events that count, and the batches they came in.
Brought = tuple[Sequence[Accepted], Sequence[EventBatch]]


@dataclass(frozen=True)
class Beforehand:
    """The kiosks for which it takes a closer look.

    Attributes:
        usual: all their events have ids that are not in the record and numbers above all others.
        apart: some of their events are in quarantine.
        stated: they stated lost events that may still be found.
        boots: of which a trusted moment is known, by kiosk and boot.
    """

    usual: frozenset[uuid.UUID]
    apart: frozenset[uuid.UUID]
    stated: frozenset[uuid.UUID]
    boots: frozenset[tuple[uuid.UUID, str]]

    def boots_of(self, kiosk_id: uuid.UUID) -> frozenset[str]:
        """Return the boots of one kiosk that are dated already."""
        return frozenset(boot for kiosk, boot in self.boots if kiosk == kiosk_id)


def kiosks_due(db: Session, kiosks: Collection[uuid.UUID], at: datetime) -> set[uuid.UUID]:
    """Return those of these kiosks that have events in quarantine to be judged again."""
    names = [str(one) for one in kiosks]
    return {uuid.UUID(one) for one in _DUE.values(db, kiosks=names, at=at)} if names else set()


def look_beforehand(
    db: Session,
    brought: Mapping[uuid.UUID, Brought],
    progress: Mapping[uuid.UUID, KioskProgress],
) -> Beforehand:
    """Ask about everything that these kiosks brought.

    Args:
        db: holds the lock on their progress.
        brought: by kiosk.
        progress: of each of them, before what they brought.
    """
    events = [(kiosk, one) for kiosk, (own, _) in brought.items() for one in own]
    ids = [(kiosk, one.event_id) for kiosk, one in events]
    repeated = {row[0] for row in _STORED.rows(db, ids)}
    names = {kiosk: str(kiosk) for kiosk in brought}
    known = [(names[kiosk], one.event.id) for kiosk, one in events]
    return Beforehand(
        usual=frozenset(
            kiosk
            for kiosk, (own, _) in brought.items()
            if kiosk not in repeated and _is_onward(own, progress[kiosk])
        ),
        apart=frozenset(uuid.UUID(row[0]) for row in _APART.rows(db, known)),
        stated=frozenset(_STATED.values(db, kiosks=list(brought)) if brought else ()),
        boots=frozenset((row[0], row[1]) for row in _BOOTS.rows(db, _boots_of(brought))),
    )


def _is_onward(own: Sequence[Accepted], progress: KioskProgress) -> bool:
    """Say whether events go on above every number the kiosk has had, each once."""
    numbers = [one.event.seq for one in own]
    ids = {one.event.id for one in own}
    is_new = all(number > progress.highest_seq for number in numbers)
    return is_new and len(set(numbers)) == len(ids) == len(own)


def _boots_of(brought: Mapping[uuid.UUID, Brought]) -> set[tuple[uuid.UUID, str]]:
    named = set()
    for kiosk, (own, batches) in brought.items():
        named |= {(kiosk, one.event.clock.boot_id) for one in own if one.event.clock.boot_id}
        named |= {(kiosk, one.watermark.boot_id) for one in batches if one.watermark}
    return named
