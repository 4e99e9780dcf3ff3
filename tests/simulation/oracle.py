"""What really happened at the doors, and what must therefore stand in the register."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kiosk.domain.events import EventDraft, RecordedEvent
from kiosk.storage.outbox import SQLiteOutbox
from tests.simulation.kiosk_host import KioskHost
from tests.simulation.world import World

Key = tuple[str, str, str]


@dataclass
class Mark:
    """One event that a kiosk was asked to record.

    Attributes:
        host: the machine.
        event_id: known once the kiosk said that it is on disk.
        has_status: the kiosk says "present" or "late" once it is on disk.
        is_shown: a person saw it as recorded.
        fate: what happened to the only copies of it: nothing, `damaged` or `rolled back`.
        true_lesson_id: the lesson at that door and moment that the person is due in, whatever the
            kiosk's clock said; None where none is, where NTP vouched for a wrong clock, and once
            the server's clock was wrong: kiosks follow it, and so does the register.
    """

    host: str
    kind: str
    person_id: str
    lesson_id: str | None
    occurred_at: str
    at: datetime
    has_status: bool
    event_id: str | None = None
    is_shown: bool = False
    fate: str = ""
    true_lesson_id: str | None = None

    @property
    def key(self) -> Key:
        """What the event of this mark says, whatever id it got."""
        return self.kind, self.person_id, self.occurred_at


@dataclass
class Oracle:
    """Hears of every attempt to record and of every screen; knows what may not get lost.

    Attributes:
        lesson_at: the lesson that a person is due in at a door at a moment.
        was_server_wrong: its clock was wrong once.
        doubled: doors where two devices use one identity. Until both have delivered, nobody can
            know that one of them still keeps marks, so only the end of the run is checked there.
    """

    world: World
    lesson_at: Callable[[int, str, datetime], str | None] = lambda _door, _person, _at: None
    marks: dict[Key, Mark] = field(default_factory=dict)
    by_id: dict[str, Mark] = field(default_factory=dict)
    voided: set[str] = field(default_factory=set)
    fresh: list[Mark] = field(default_factory=list)
    doubled: set[str] = field(default_factory=set)
    was_server_wrong: bool = False

    def attempt(self, draft: EventDraft) -> Mark:
        """Note that a kiosk is about to record something."""
        assert self.world.host is not None
        mark = Mark(
            host=self.world.host.name,
            kind=draft.kind,
            person_id=draft.person_id,
            lesson_id=draft.lesson_id,
            occurred_at=draft.clock.recorded_at.isoformat(timespec="milliseconds"),
            at=self.world.now,
            has_status=draft.shown is not None,
            true_lesson_id=self._true_lesson(draft.person_id),
        )
        return self.marks.setdefault(mark.key, mark)

    def _true_lesson(self, person_id: str) -> str | None:
        host = self.world.host
        assert isinstance(host, KioskHost)
        if self.was_server_wrong or (host.has_ntp and host.wall_offset):
            return None
        return self.lesson_at(host.door, person_id, self.world.now)

    def recorded(self, mark: Mark, event: RecordedEvent) -> None:
        """Note that the kiosk has it on disk."""
        mark.event_id = event.event_id
        self.by_id[event.event_id] = mark
        self.fresh.append(mark)
        self.world.note(f"recorded {event.seq} {mark.kind} {mark.person_id[-4:]} {event.event_id}")

    def all_shown(self) -> None:
        """Note that what was just recorded goes to the screen, after another person's answer."""
        for mark in self.fresh:
            mark.is_shown = mark.is_shown or mark.has_status

    def shown(self, host: str, person_id: str, answer_id: str) -> None:
        """Note that a person sees "recorded", perhaps for an earlier mark."""
        mark = self.by_id.get(answer_id.partition(".")[0])
        if mark is None:  # committed right before a crash: only the disk knew
            mark = self._unnamed(host, person_id)
        if mark is not None:
            mark.is_shown = True

    def lose(self, host: str, fate: str, surviving: set[str]) -> None:
        """Note what happened to everything that was on a machine's disk and is not there now."""
        for mark in self.marks.values():
            is_gone = mark.host == host and mark.event_id not in surviving
            if is_gone and mark.fate != "rolled back":  # no trace of those is left anywhere
                mark.fate = fate

    def is_doubled(self, mark: Mark) -> bool:
        """Whether two devices used the identity that made this mark."""
        return mark.host.partition("-clone")[0] in self.doubled

    def is_excused(self, mark: Mark, *, is_final: bool) -> bool:
        """Whether nobody can know that this mark was made, or not yet."""
        is_doubled = self.is_doubled(mark)
        if mark.fate == "rolled back" or (is_doubled and mark.fate):
            return True
        return not is_final and is_doubled

    def _unnamed(self, host: str, person_id: str) -> Mark | None:
        fitting = [
            one
            for one in self.marks.values()
            if one.host == host and one.person_id == person_id and one.event_id is None
        ]
        return fitting[-1] if fitting else None


def watched_append(
    oracle: Oracle, append: Callable[[SQLiteOutbox, EventDraft], RecordedEvent]
) -> Callable[[SQLiteOutbox, EventDraft], RecordedEvent]:
    """Return the outbox's `append`, overheard."""

    def overheard(outbox: SQLiteOutbox, draft: EventDraft) -> RecordedEvent:
        mark = oracle.attempt(draft)
        event = append(outbox, draft)
        oracle.recorded(mark, event)
        return event

    return overheard


def events_on_disk(outbox: Path) -> set[str]:
    """Return the ids of the events in an outbox file; empty where it cannot be read."""
    if not outbox.exists():
        return set()
    try:
        connection = sqlite3.connect(f"file:{outbox}?mode=ro", uri=True)
        try:
            return {row[0] for row in connection.execute("SELECT id FROM event")}
        finally:
            connection.close()
    except sqlite3.DatabaseError:
        return set()
