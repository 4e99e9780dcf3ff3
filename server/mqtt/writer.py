"""The one writer of what kiosks send over MQTT: batches commits, answers after them."""

import logging
import queue
import threading
import time
from collections.abc import Iterator, Sequence

from prometheus_client import Histogram
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlmodel import Session

from protocol.v1 import topics
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import parse_message
from protocol.v1.messages import RefusalReason, Status
from server.attendance.ingest import Intake, take_in
from server.attendance.metrics import Transport, count_intake
from server.attendance.pace import events_in
from server.attendance.quarantine_keeping import keep_in_quarantine
from server.attendance.verification import Delivery, Rejected
from server.attendance.watermarks import take_watermark
from server.db.engine import Database
from server.db.full import is_disk_full
from server.db.types import now
from server.errors import SealBrokenError
from server.kiosks.server_key import ServerSigner
from server.kiosks.service import kiosk_for_wire_id, take_status
from server.kiosks.tables import KioskProgress
from server.mqtt.link import Arrival, BrokerLink
from server.mqtt.pacing import Pacing

logger = logging.getLogger(__name__)

#: A thousand events commit in a third of a second; more at once would keep other writers waiting.
LARGEST_COMMIT = 1000
LARGEST_COMMIT_BYTES = 2 * 1024 * 1024
#: How long to wait for further messages after the first one. Measured: none, as what arrives during
#: a commit is the next one; see docs/measurements/ingest.md.
GATHER_S = 0.0
#: What a message costs besides its events, and what a status costs, in events.
_MESSAGE_COSTS, _STATUS_COSTS = 4, 10
RETRY_S = 2.0
FINISH_S = 5.0
_TRANSIENT = (OperationalError, InterfaceError, PoolTimeoutError)

COMMIT_SECONDS = Histogram("rollcall_ingest_commit_seconds", "Time to verify and commit a batch")


class IngestWriter:
    """A thread that turns arrivals into rows. Nothing is acknowledged before its commit."""

    def __init__(
        self, link: BrokerLink, database: Database, signer: ServerSigner, pacing: Pacing
    ) -> None:
        self._link = link
        self._database = database
        self._signer = signer
        self._pacing = pacing
        self._stopping = threading.Event()
        self._finishing = threading.Event()
        self._is_failing = False
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def finish(self) -> None:
        """Take in all that has arrived, as long as that takes a few seconds, and end."""
        self._finishing.set()
        self._link.arrivals.put(None)
        self._thread.join(timeout=FINISH_S)

    def stop(self) -> None:
        """Finish the batch at hand and end."""
        self._stopping.set()
        self._link.arrivals.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while not self._stopping.is_set():
            arrivals = self._next()
            if arrivals:
                self._handle(arrivals)
            elif self._finishing.is_set():
                return

    def _next(self) -> list[Arrival]:
        """Wait for one, then take what else is there."""
        taken: list[Arrival] = []
        room, room_bytes = LARGEST_COMMIT, LARGEST_COMMIT_BYTES
        for arrival in self._coming():
            taken.append(arrival)
            room -= _cost(arrival)
            room_bytes -= len(arrival.payload)
            if room <= 0 or room_bytes <= 0:
                break
        return taken

    def _coming(self) -> Iterator[Arrival]:
        """Yield what may be taken in now: first what waited, then what arrives."""
        due_in_s = self._pacing.due_in_s()
        until_s = None if due_in_s is None else time.monotonic() + due_in_s
        is_first = True
        for arrival in self._pacing.ripe():
            until_s, is_first = time.monotonic(), False
            yield self._admitted(arrival)
        while True:
            try:
                arrived = self._link.arrivals.get(timeout=_left_s(until_s))
            except queue.Empty:
                return
            if arrived is None:
                if not is_first:
                    self._link.arrivals.put(None)  # the next look finds it first
                return
            if self._may_come(arrived):
                if is_first:
                    until_s, is_first = time.monotonic() + GATHER_S, False
                yield self._admitted(arrived)
            elif until_s is None:
                return

    def _may_come(self, arrival: Arrival) -> bool:
        if arrival.address.channel != topics.EVENTS or self._pacing.admit(arrival):
            return True
        surplus = self._pacing.surplus()
        if surplus:
            self._link.acknowledge(surplus)  # to the broker alone: their kiosks send them again
        return False

    def _admitted(self, arrival: Arrival) -> Arrival:
        if arrival.address.channel == topics.EVENTS:
            self._pacing.spend(arrival.address.kiosk_id, events_in(arrival.payload))
        return arrival

    def _handle(self, arrivals: list[Arrival]) -> None:
        """Commit, answer, acknowledge; where the database fails, try again until it works.

        A message that cannot be processed for another reason is set aside, so that it holds up
        no other: it is found by halves.
        """
        is_poisonous = False
        while not self._stopping.is_set():
            try:
                if is_poisonous:
                    self._set_aside(arrivals[0])
                else:
                    self._take(arrivals)
            except _TRANSIENT as exc:
                self._failing(exc)
                self._stopping.wait(RETRY_S)
            except Exception:  # the edge of this thread: it must outlive any one message
                logger.exception("%d messages could not be processed together", len(arrivals))
                if len(arrivals) > 1:
                    half = len(arrivals) // 2
                    self._handle(arrivals[:half])
                    self._handle(arrivals[half:])
                    return
                is_poisonous = True
            else:
                self._recovered()
                self._link.acknowledge(arrivals)
                return

    def _take(self, arrivals: Sequence[Arrival]) -> None:
        """Commit events, then statuses, each in the order of kiosks, as other servers lock them."""
        events = [one for one in arrivals if one.address.channel == topics.EVENTS]
        statuses = [one for one in arrivals if one.address.channel == topics.STATUS]
        if events:
            self._take_events(events)
        if statuses:
            with self._database.transaction() as db:
                for arrival in sorted(statuses, key=lambda one: one.address.kiosk_id):
                    _status(db, arrival)

    def _take_events(self, arrivals: Sequence[Arrival]) -> None:
        started = time.perf_counter()
        deliveries = [Delivery(one.address.kiosk_id, one.payload) for one in arrivals]
        with self._database.transaction() as db:
            intake = take_in(db, deliveries, now())
        COMMIT_SECONDS.observe(time.perf_counter() - started)
        self._answer(intake)

    def _answer(self, intake: Intake) -> None:
        count_intake(intake, Transport.MQTT)
        try:
            signed = [self._signer.sign_ack(ack) for ack in intake.acks]
        except SealBrokenError:
            return  # the vault has logged it, once; kiosks believe no unsigned ack
        for ack in signed:
            self._link.publish(topics.ack(ack.kiosk_id), ack.to_json())

    def _set_aside(self, arrival: Arrival) -> None:
        text = arrival.payload.decode("utf-8", "replace").replace("\0", "")
        with self._database.transaction() as db:
            rejected = Rejected(RefusalReason.BACKEND, text)
            keep_in_quarantine(db, arrival.address.kiosk_id, [rejected], now())

    def _failing(self, error: Exception) -> None:
        if not self._is_failing:
            self._is_failing = True
            reason = "disk full" if is_disk_full(error) else "database failed"
            logger.warning("events not stored, they wait at the broker: %s", reason)

    def _recovered(self) -> None:
        if self._is_failing:
            self._is_failing = False
            logger.info("the database takes events again")


def _cost(arrival: Arrival) -> int:
    if arrival.address.channel != topics.EVENTS:
        return _STATUS_COSTS
    return max(_MESSAGE_COSTS, events_in(arrival.payload))


def _left_s(until_s: float | None) -> float | None:
    return None if until_s is None else max(0.0, until_s - time.monotonic())


def _status(db: Session, arrival: Arrival) -> None:
    kiosk = kiosk_for_wire_id(db, arrival.address.kiosk_id)
    if kiosk is None:
        return
    try:
        status = parse_message(Status, arrival.payload)
    except ProtocolError as exc:
        logger.warning("kiosk %s sent a status that cannot be read: %s", kiosk.id, exc)
        return
    take_status(db, kiosk, status, now(), is_news=not arrival.is_retained)
    progress = db.get(KioskProgress, kiosk.id, with_for_update=True)
    if progress is not None and status.online:
        take_watermark(db, kiosk, progress, status.watermark, now())
        db.add(progress)
