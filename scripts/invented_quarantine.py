"""Gives the invented school kiosks with wrong clocks: events in quarantine, scans in doubt."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session, select

from protocol.v1 import signing
from protocol.v1.identifiers import uuid7
from protocol.v1.messages import EventBatch, RawEvent, UnsignedEvent
from scripts.invented_school import School
from server.attendance.ingest import take_in
from server.attendance.register import AttendanceStatus
from server.attendance.service import register_of
from server.attendance.verification import Delivery
from server.db.engine import Database
from server.kiosks.tables import KioskProgress

_NEVER_SET = datetime(1970, 1, 1, 0, 4, tzinfo=UTC)


@dataclass
class _Chain:
    """Signs further events of one kiosk."""

    school: School
    index: int
    head: str
    seq: int

    def event(self, at: datetime, person: uuid.UUID, **fields: Any) -> RawEvent:
        self.seq += 1
        values = {
            "id": str(uuid7()),
            "kiosk_id": str(self.school.kiosks[self.index]),
            "seq": self.seq,
            "occurred_at": at,
            "clock": {"source": "ntp"},
            "person_id": str(person),
            "kind": "seen",
            "method": "face",
        }
        draft = UnsignedEvent.model_validate(values | fields)
        key = self.school.keys[self.index]
        event = signing.sign_event(draft, prev_hash=self.head, key=key)
        self.head = event.hash
        return signing.to_raw(event)


def add_quarantine(database: Database, school: School, at: datetime) -> None:
    """Let kiosks deliver events of wrong clocks, and a second device use an identity.

    Args:
        database: of a school that `invented_school.fill` made.
        school: what it made; the third lesson is over.
        at: now.
    """
    with database.transaction() as db:
        last = _chain(db, school, 3)
        long_ago = at - timedelta(days=40)
        early = [
            last.event(long_ago + timedelta(seconds=40 * number), person)
            for number, person in enumerate(school.people[3:6])
        ]
        changed = last.event(at, school.people[7]) | {"distance": 0.5}
        _deliver(db, school, 3, [*early, changed], at)
        clone = _Chain(school, 3, signing.GENESIS_HASH, 0)
        _deliver(db, school, 3, [clone.event(at - timedelta(minutes=9), school.people[8])], at)
        _add_doubts(db, school, at)


def _add_doubts(db: Session, school: School, at: datetime) -> None:
    """Let a kiosk that did not know the time have seen two students of the third lesson."""
    lesson = school.lessons[2]
    lines = register_of(db, lesson, at=at).lines
    missing = [one.person.id for one in lines if one.mark.status == AttendanceStatus.NOT_SEEN]
    kiosk = _chain(db, school, 2)
    scans = [
        kiosk.event(
            _NEVER_SET + timedelta(seconds=20 * number),
            person,
            lesson_id=str(lesson),
            clock={"source": "unsynced", "boot_id": "lost", "uptime_s": 240 + 20 * number},
        )
        for number, person in enumerate(missing[:2])
    ]
    _deliver(db, school, 2, scans, at)


def _deliver(db: Session, school: School, index: int, events: list[RawEvent], at: datetime) -> None:
    kiosk_id = str(school.kiosks[index])
    batch = EventBatch(kiosk_id=kiosk_id, events=tuple(events))
    take_in(db, [Delivery(kiosk_id, batch.to_json())], at)
    db.flush()


def _chain(db: Session, school: School, index: int) -> _Chain:
    kiosk_id = school.kiosks[index]
    progress = db.exec(select(KioskProgress).where(KioskProgress.kiosk_id == kiosk_id)).one()
    return _Chain(school, index, progress.highest_hash, progress.highest_seq)
