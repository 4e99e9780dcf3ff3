"""Sends the templates made from clear scans, and deletes what the server has judged."""

import logging
from collections.abc import Callable, Collection
from typing import Protocol

from kiosk.domain.clock import Clock
from kiosk.domain.health import FaultEdge
from kiosk.errors import StorageError, SyncError
from protocol.v1.messages import (
    MAX_SCANS_PER_BATCH,
    ScanTemplate,
    ScanTemplateBatch,
    ScanTemplateReceipt,
)

logger = logging.getLogger(__name__)


class ScanTarget(Protocol):
    """Where scans go: `kiosk.sync.http.ServerClient`."""

    def send_scans(self, batch: ScanTemplateBatch) -> ScanTemplateReceipt:
        """Deliver a batch and get the server's word; raises SyncError."""
        ...


class ScanStore(Protocol):
    """Where scans wait: `kiosk.storage.scans.SQLiteScans`."""

    def oldest(self, limit: int) -> list[ScanTemplate]:
        """The oldest, at most so many."""
        ...

    def delete(self, ids: Collection[str]) -> int:
        """Delete scans by id; how many there were."""
        ...


class ScanSender:
    """Drains the scans that wait. One call at a time; a failure is logged once.

    Args:
        store: where they wait.
        target: the server.
        clock: for the duration of faults.
        is_event_waiting: says whether the server has not got an event yet; its scan waits too.
    """

    def __init__(
        self,
        store: ScanStore,
        target: ScanTarget,
        clock: Clock,
        *,
        is_event_waiting: Callable[[str], bool] = lambda _event_id: False,
    ) -> None:
        self._store = store
        self._target = target
        self._clock = clock
        self._is_event_waiting = is_event_waiting
        self._fault = FaultEdge()

    def send(self) -> None:
        """Send batch by batch until nothing waits or the server does not judge any more."""
        try:
            while self._send_batch():
                pass
        except (SyncError, StorageError) as exc:
            if self._fault.start(self._clock.monotonic_s()):
                logger.info("scan templates wait: %s", exc)
            return
        if self._fault.clear(self._clock.monotonic_s()) is not None:
            logger.info("scan templates are sent again")

    def _send_batch(self) -> bool:
        """Send the oldest; True when the server judged some and more may wait."""
        oldest = self._store.oldest(MAX_SCANS_PER_BATCH)
        scans = [scan for scan in oldest if not self._is_event_waiting(scan.event_id)]
        if not scans:
            return False
        receipt = self._target.send_scans(ScanTemplateBatch(scans=tuple(scans)))
        judged = {scan.id for scan in scans} & {*receipt.accepted, *receipt.refused}
        self._store.delete(judged)
        return bool(judged)
