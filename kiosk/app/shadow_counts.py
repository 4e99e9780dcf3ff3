"""Counts how the next network compares, from the start of a change until its end."""

import logging
import threading

from kiosk.domain.clock import Clock
from kiosk.domain.shadow import ShadowOutcome, counted
from kiosk.errors import StorageError
from kiosk.storage.shadow_counts import ShadowCountsFile
from protocol.v1.messages import NetworkChoice, ShadowCounts

logger = logging.getLogger(__name__)

_SAVE_S = 60.0
"""Written at most this often, to spare memory cards: a power cut loses one minute of counts."""


class ShadowTally:
    """The counts of the change that the school makes now. Safe from any thread.

    Args:
        file: keeps them over a restart.
        clock: for the start of the change.
    """

    def __init__(self, file: ShadowCountsFile, clock: Clock) -> None:
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._current = ""
        self._counts: ShadowCounts | None = None
        self._saved_at_s = float("-inf")
        self._is_saved = True

    def follow(self, choice: NetworkChoice | None) -> None:
        """Go on with the counts of this change, or begin; without a change they are deleted."""
        following = None if choice is None or choice.next == choice.current else choice.next
        try:
            with self._lock:
                if choice is None or following is None:
                    self._end()
                elif (choice.current, following) != (self._current, self._model_id()):
                    self._begin(choice.current, following)
        except StorageError as exc:
            logger.warning("counts of the change of network not stored: %s", exc)

    def add(self, outcome: ShadowOutcome, current: str, following: str) -> None:
        """Count one scan; one of another change is left out."""
        with self._lock:
            if self._counts is None or (current, following) != (self._current, self._model_id()):
                return
            self._counts = counted(self._counts, outcome)
            self._is_saved = False
            is_due = self._clock.monotonic_s() - self._saved_at_s >= _SAVE_S
        if is_due:
            self.save()

    def counts(self) -> ShadowCounts | None:
        """Return the counts; None without a change."""
        with self._lock:
            return self._counts

    def save(self) -> None:
        """Store what was counted since the last time; a disk that refuses is tried again later."""
        with self._lock:
            self._saved_at_s = self._clock.monotonic_s()
            if self._counts is None or self._is_saved:
                return
            try:
                self._file.save(self._current, self._counts)
                self._is_saved = True
            except StorageError as exc:
                logger.warning("counts of the change of network not stored: %s", exc)

    def _model_id(self) -> str:
        return "" if self._counts is None else self._counts.model_id

    def _begin(self, current: str, following: str) -> None:
        self._current = current
        since = self._clock.reading().best_at
        self._counts = ShadowCounts(model_id=following, since=since)
        kept = self._file.load(current, following)
        self._counts = kept or self._counts
        self._is_saved = kept is not None

    def _end(self) -> None:
        self._current, self._counts, self._is_saved = "", None, True
        self._file.delete()
