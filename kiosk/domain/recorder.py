"""Recording with patience: what the disk refuses is kept in memory and tried again."""

from dataclasses import dataclass, field
from datetime import datetime

from kiosk.domain.events import EventDraft, RecordedEvent
from kiosk.domain.ports import Outbox
from kiosk.errors import StorageError
from protocol.v1.messages import EventKind

_Key = tuple[EventKind, str, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True)
class Stored:
    """A draft that is now on disk, and what became of it."""

    draft: EventDraft
    event: RecordedEvent


@dataclass(slots=True)
class Recorder:
    """Appends drafts to the outbox; while the disk fails, keeps the first of each kind of mark.

    Attributes:
        retry_s: how often kept drafts are tried again.
        max_unsaved: how many drafts are kept; further ones are counted in ``lost_count``.
        lost_count: marks that could not even be kept in memory; their people saw "not saved".
    """

    outbox: Outbox
    retry_s: float = 2.0
    max_unsaved: int = 1000
    lost_count: int = 0
    _unsaved: dict[_Key, EventDraft] = field(default_factory=dict)
    _tried_at_s: float = 0.0

    @property
    def unsaved_count(self) -> int:
        """Drafts that wait in memory for the disk."""
        return len(self._unsaved)

    def oldest_unsaved_at(self) -> datetime | None:
        """When the oldest waiting draft was captured, UTC; None when none waits."""
        waiting = list(self._unsaved.values())
        return min((draft.clock.best_at for draft in waiting), default=None)

    def record(self, draft: EventDraft, now_s: float, *, is_patient: bool = True) -> Stored | None:
        """Put a draft on disk, or an earlier one of the same mark that still waits.

        Args:
            draft: what happened.
            now_s: the time, monotonic.
            is_patient: keep it in memory where the disk refuses. Not where the person hears that
                nothing happened and acts again: what is stored later would come on top.

        Returns:
            What was stored, or None when the disk refused and the draft waits in memory.
        """
        # A teacher's later word and a leaving are other marks; a second scan is the same one.
        word = draft.shown if draft.kind is EventKind.ROLL_CALL else draft.direction
        key = (draft.kind, draft.person_id, draft.lesson_id, draft.refers_to, word)
        first = self._unsaved.get(key, draft)
        try:
            event = self.outbox.append(first)
        except StorageError:
            if is_patient:
                self._keep(key, first)
            self._tried_at_s = now_s
            return None
        self._unsaved.pop(key, None)
        return Stored(first, event)

    def retry(self, now_s: float) -> list[Stored]:
        """Try what waits, oldest first, at most every ``retry_s``; stop at the first refusal."""
        if not self._unsaved or now_s - self._tried_at_s < self.retry_s:
            return []
        self._tried_at_s = now_s
        stored: list[Stored] = []
        for draft in list(self._unsaved.values()):
            done = self.record(draft, now_s)
            if done is None:
                break
            stored.append(done)
        return stored

    def _keep(self, key: _Key, draft: EventDraft) -> None:
        if key not in self._unsaved and len(self._unsaved) >= self.max_unsaved:
            self.lost_count += 1
            return
        self._unsaved[key] = draft
