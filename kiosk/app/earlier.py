"""Delivery of set-aside outboxes: what an earlier identity of this kiosk recorded."""

import logging
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kiosk.domain.clock import Clock
from kiosk.domain.health import FaultEdge
from kiosk.domain.queue import Settled
from kiosk.errors import PacedError, StorageError, SyncError, UnreachableError
from kiosk.storage.earlier import (
    EarlierOutbox,
    drop_if_done,
    earlier_files,
    open_earlier,
    waiting_in,
)
from kiosk.storage.outbox import ChainSigner
from protocol.v1.messages import MAX_EVENTS_PER_BATCH, Ack, EventBatch

logger = logging.getLogger(__name__)

_ASK_S = 6 * 3600.0
"""How often the server is asked whether it still has what a set-aside outbox delivered."""
_STUCK_S = 3600.0
"""A server that takes nothing of a file, as it does not know its kiosk, is asked again then."""


class EarlierTarget(Protocol):
    """Who takes earlier events: `kiosk.sync.http.ServerClient`."""

    def send_earlier_events(self, batch: EventBatch) -> Ack:
        """Deliver earlier events and get the ack that the server signed; raises SyncError."""
        ...


@dataclass(slots=True)
class _Outlook:
    """What was last seen of a file, when the server was asked about it (monotonic), what failed."""

    waiting: int
    asked_at_s: float | None = None
    is_stuck: bool = False
    fault: Exception | None = None

    @property
    def is_faulty(self) -> bool:
        """Whether something failed. A server that asks to wait is no fault."""
        return self.fault is not None and not isinstance(self.fault, PacedError)


class EarlierDelivery:
    """Sends what set-aside outboxes hold, with the signatures it has. One call at a time.

    Args:
        path: of the present outbox; the others lie beside it.
        signer: the kiosk's identity now.
        target: the server.
        clock: for how long ago the server was asked.

    Attributes:
        keeps_days: how long delivered events are kept.
    """

    def __init__(
        self, path: Path, signer: ChainSigner, target: EarlierTarget, clock: Clock
    ) -> None:
        self._path = path
        self._signer = signer
        self._target = target
        self._clock = clock
        self._fault = FaultEdge()
        self._known = {file: _Outlook(waiting_in(file)) for file in earlier_files(path)}
        self.keeps_days: int | None = None

    @property
    def waiting(self) -> int:
        """How many events of set-aside outboxes the server has not acknowledged."""
        return sum(one.waiting for one in list(self._known.values()))

    def deliver(self) -> None:
        """Send what waits; a failure is logged when it starts and when it ends."""
        files = earlier_files(self._path)
        self._known = {file: self._known.get(file) or _Outlook(waiting_in(file)) for file in files}
        for file, known in list(self._known.items()):
            if self._is_due(known):
                self._try(file, known)
            if isinstance(known.fault, UnreachableError):
                break
        self._log_faults()

    def _try(self, file: Path, known: _Outlook) -> None:
        """Deliver one file; its fault does not keep the others from being delivered."""
        known.fault = None
        try:
            self._deliver_file(file, known)
        except StorageError as exc:
            known.fault, known.is_stuck = exc, True
            known.asked_at_s = self._clock.monotonic_s()
        except SyncError as exc:
            known.fault = exc

    def _log_faults(self) -> None:
        faults = [(file, one.fault) for file, one in self._known.items() if one.is_faulty]
        if faults and self._fault.start(self._clock.monotonic_s()):
            for file, fault in faults:
                logger.warning("set-aside events wait in %s: %s", file.name, fault)
        elif not faults and self._fault.clear(self._clock.monotonic_s()):
            logger.info("set-aside events are delivered again")

    def _is_due(self, known: _Outlook) -> bool:
        if known.asked_at_s is None:
            return True
        waits_s = _STUCK_S if known.is_stuck else 0.0 if known.waiting else _ASK_S
        return self._clock.monotonic_s() - known.asked_at_s >= waits_s

    def _deliver_file(self, file: Path, known: _Outlook) -> None:
        opened = open_earlier(file, self._signer.key, self._signer.kiosk_id, self._clock)
        if opened is None:
            known.waiting, known.asked_at_s = 0, self._clock.monotonic_s()
            return
        with closing(opened.outbox) as outbox:
            if self.keeps_days is not None:
                outbox.keeps_days = self.keeps_days
            try:
                self._send(opened, known)
            finally:
                known.waiting = outbox.waiting
            if drop_if_done(opened):
                del self._known[file]

    def _send(self, earlier: EarlierOutbox, known: _Outlook) -> None:
        """Send batch by batch, until nothing waits or the server takes nothing more."""
        outbox = earlier.outbox
        is_first = True
        while (events := outbox.pending(MAX_EVENTS_PER_BATCH)) or is_first:
            is_first = False
            batch = EventBatch(
                kiosk_id=earlier.kiosk_id, events=tuple(events), last_seq=outbox.last_seq
            )
            ack = self._target.send_earlier_events(batch)
            known.asked_at_s = self._clock.monotonic_s()
            outbox.sent(max((int(str(raw["seq"])) for raw in events), default=0))
            known.is_stuck = outbox.settle(ack, is_answer=True) == Settled() and bool(events)
            if known.is_stuck:
                return
