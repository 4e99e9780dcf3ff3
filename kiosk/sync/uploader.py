"""The uploader: sends from the outbox, and only from there, until the server says it has it."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from kiosk.domain.clock import Clock
from kiosk.domain.health import FaultEdge, LinkHealth
from kiosk.domain.queue import EventQueue, Settled
from kiosk.domain.spans import NO_END, SeqSpan
from kiosk.errors import PacedError, StorageError, SyncError
from kiosk.sync.acks import AckCheck
from kiosk.sync.backoff import Backoff
from kiosk.sync.inbox import Arrived, Inbox, Item, LinkChanged, Woken
from protocol.v1 import topics
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import (
    MAX_EVENTS_PER_BATCH,
    Ack,
    EventBatch,
    RawEvent,
    VersionHint,
    Watermark,
    parse_message,
)

logger = logging.getLogger(__name__)

_LOST_AFTER = 3
"""So many deadlines without an ack for a batch, while others are acknowledged, mean a loss."""


class BrokerSide(Protocol):
    """The way through the broker: `kiosk.sync.mqtt.MQTTLink`."""

    @property
    def health(self) -> LinkHealth:
        """Whether it can be used."""
        ...

    def send_events(self, batch: EventBatch) -> bool:
        """Hand over a batch; True says that it is on its way."""
        ...


class ServerSide(Protocol):
    """The way straight to the server: `kiosk.sync.http.ServerClient`."""

    def send_events(self, batch: EventBatch) -> Ack:
        """Deliver a batch and get the ack that the server signed.

        Raises:
            PacedError: the server takes it later, and says when.
            SyncError: it was not delivered.
        """
        ...


@dataclass(frozen=True, slots=True)
class UploadTimings:
    """When the uploader does what.

    Attributes:
        ack_deadline_s: where the server has said nothing new for so long about what went through
            the broker, it goes straight.
        window: batches on their way through the broker at once.
        idle_s: how often it looks around when nothing happens.
        retry_first_s: first wait after a failure; doubles.
        retry_most_s: longest wait after a failure.
        hear_s: where no ack was heard for so long, an empty batch asks for one. A server that
            was restored says in it what it still has.
    """

    ack_deadline_s: float = 10.0
    window: int = 4
    idle_s: float = 1.0
    retry_first_s: float = 1.0
    retry_most_s: float = 60.0
    hear_s: float = 300.0


@dataclass(frozen=True, slots=True)
class UploadRoute:
    """Whose batches go where; ``broker`` is None where MQTT is not used.

    ``server_key`` is the public key of the server from the claim, base64. An ack through the broker
    counts only with its signature; ``server`` returns only what the server signed.
    """

    kiosk_id: str
    server: ServerSide
    broker: BrokerSide | None
    server_key: str


@dataclass(frozen=True, slots=True)
class UploadHooks:
    """What the uploader asks and tells, on its own thread.

    Attributes:
        watermark: signed, up to the newest event; None if there is none now.
        on_hint: the server has new versions.
        on_link_up: the broker can be used.
        on_idle: called about every ``idle_s``.
        on_heard: an ack of the server came through the broker.
    """

    watermark: Callable[[], Watermark | None] = lambda: None
    on_hint: Callable[[VersionHint], None] = lambda _hint: None
    on_link_up: Callable[[], None] = lambda: None
    on_idle: Callable[[], None] = lambda: None
    on_heard: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class _Flight:
    """A batch on its way through the broker, and since when (monotonic)."""

    span: SeqSpan
    since_s: float


class Uploader:
    """One thread that drains the outbox. `wake` may be called from any thread.

    Args:
        outbox: where they come from.
        route: see `UploadRoute`.
        inbox: shared with the MQTT link.
        clock: for deadlines.
        timings: see `UploadTimings`.
        hooks: see `UploadHooks`.
    """

    def __init__(
        self,
        outbox: EventQueue,
        route: UploadRoute,
        *,
        inbox: Inbox,
        clock: Clock,
        timings: UploadTimings | None = None,
        hooks: UploadHooks | None = None,
    ) -> None:
        self._outbox = outbox
        self._route = route
        self._inbox = inbox
        self._clock = clock
        self._timings = timings or UploadTimings()
        self._backoff = Backoff(self._timings.retry_first_s, self._timings.retry_most_s)
        self._retry_at_s = 0.0
        self._in_flight: list[_Flight] = []
        self._advanced_at_s = 0.0
        self._is_overdue = False
        self._known_through = NO_END
        self._storage_fault = FaultEdge()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="uploader", daemon=True)
        self._hooks = hooks or UploadHooks()
        self._acks = AckCheck(route.server_key, clock)
        self._is_watermark_due = False
        self._is_ack_due = True
        self._asked_at_s = clock.monotonic_s()

    def start(self) -> None:
        """Start to upload, on a separate thread."""
        self._thread.start()

    def stop(self) -> None:
        """End; what is not acknowledged stays in the outbox."""
        self._stopping.set()
        self.wake()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def wake(self) -> None:
        """There is something new to send."""
        self._inbox.put(Woken())

    def retry_now(self) -> None:
        """Try at once, whatever wait is left after a failure."""
        self._retry_at_s = 0.0
        self.tell_watermark()

    def tell_watermark(self) -> None:
        """Tell the server how far we are, with an empty batch if the broker is out of reach."""
        self._is_watermark_due = True
        self.wake()

    def turn(self, items: list[Item]) -> None:
        """One turn of the loop: take in what arrived, then send what can be sent."""
        try:
            for item in items:
                self._take_in(item)
            self._pump()
        except StorageError as exc:
            if self._storage_fault.start(self._clock.monotonic_s()):
                logger.error("The outbox cannot be read or changed: %s", exc)  # noqa: TRY400
        else:
            if self._storage_fault.clear(self._clock.monotonic_s()):
                logger.info("The outbox works again")

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.turn(self._inbox.take(self._timings.idle_s))
                self._hooks.on_idle()
            except Exception:
                logger.exception("unexpected error in the uploader, continuing")

    def _take_in(self, item: Item) -> None:
        if isinstance(item, LinkChanged):
            self._send_all_again()
            self._backoff.reset()
            self._retry_at_s = 0.0
            if item.is_up:
                self._is_ack_due = True
                self._hooks.on_link_up()
        elif isinstance(item, Arrived):
            self._read(item)

    def _read(self, item: Arrived) -> None:
        try:
            if item.channel == topics.ACK:
                ack = parse_message(Ack, item.payload)
                if self._acks.is_genuine(ack):
                    self._settle(ack)
                    self._hooks.on_heard()
            elif item.channel == topics.HINT:
                self._hooks.on_hint(parse_message(VersionHint, item.payload))
        except ProtocolError as exc:
            logger.warning("invalid message on the %s channel, ignored: %s", item.channel, exc)

    def _pump(self) -> None:
        now_s = self._clock.monotonic_s()
        deadline_s = self._timings.ack_deadline_s
        if self._in_flight and now_s - self._advanced_at_s > deadline_s:
            self._is_overdue = True
            self._send_all_again()
        # One that was lost while others arrived goes the same way again.
        lost_s = now_s - _LOST_AFTER * deadline_s
        self._in_flight = [one for one in self._in_flight if one.since_s > lost_s]
        if now_s - self._asked_at_s >= self._timings.hear_s:
            self._is_ack_due = True
        broker = self._usable_broker()
        if now_s >= self._retry_at_s and self._is_straight_better(broker):
            self._straight()
        if broker is not None:
            self._is_watermark_due = False
            self._through(broker)

    def _is_straight_better(self, broker: BrokerSide | None) -> bool:
        if broker is None:
            return bool(self._outbox.waiting) or self._is_watermark_due or self._is_ack_due
        return self._is_overdue and bool(self._outbox.waiting)

    def _usable_broker(self) -> BrokerSide | None:
        broker = self._route.broker
        return broker if broker is not None and broker.health is LinkHealth.UP else None

    def _straight(self) -> None:
        """Drain the outbox over HTTP, batch by batch, the newest first.

        An answer names what it refuses. What it did not settle waits for the next time, so that it
        holds up nothing older.
        """
        asked: list[SeqSpan] = []
        try:
            while not self._stopping.is_set():
                events = self._unsent(asked)
                if not events and not (self._is_watermark_due or self._is_ack_due):
                    break
                ack = self._route.server.send_events(self._batch(events, asked))
                self._is_watermark_due = False
                self._has_asked()
                if events:
                    asked.append(self._note_sent(events))
                settled = self._settle(ack, is_answer=True)
                if events and not _is_progress(settled):
                    self._wait_longer()
                    return
        except PacedError as exc:
            self._wait_as_asked(exc)
            return
        except SyncError as exc:
            logger.debug("Events wait: %s", exc)
            self._wait_longer()
            return
        self._backoff.reset()
        self._send_all_again()

    def _through(self, broker: BrokerSide) -> None:
        """Send what is not on its way yet, at most a window of batches."""
        while len(self._in_flight) < self._timings.window:
            sent = [one.span for one in self._in_flight]
            events = self._unsent(sent)
            if not events or not broker.send_events(self._batch(events, sent)):
                break
            self._has_asked()
            now_s = self._clock.monotonic_s()
            if not self._in_flight:
                self._advanced_at_s = now_s
            self._in_flight.append(_Flight(self._note_sent(events), now_s))
        if self._is_ack_due and not self._in_flight and broker.send_events(self._batch([], [])):
            self._has_asked()

    def _has_asked(self) -> None:
        """A batch is on its way: its ack says what the server has."""
        self._is_ack_due = False
        self._asked_at_s = self._clock.monotonic_s()

    def _unsent(self, sent: list[SeqSpan]) -> list[RawEvent]:
        """The newest events that are not on their way: marks of now go before a backlog.

        While the server's acks are silent about the newest numbers, as there are too many gaps to
        name, the gaps that they name are filled first: else the same events would go for ever.
        """
        unknown = SeqSpan(self._known_through + 1, NO_END)
        known = self._outbox.newest_pending(MAX_EVENTS_PER_BATCH, but=[*sent, unknown])
        return known or self._outbox.newest_pending(MAX_EVENTS_PER_BATCH, but=sent)

    def _note_sent(self, events: list[RawEvent]) -> SeqSpan:
        span = _span(events)
        self._outbox.sent(span.last, first=span.first)
        return span

    def _batch(self, events: list[RawEvent], sent: list[SeqSpan]) -> EventBatch:
        """A batch; it carries the watermark when no event is left that was not sent."""
        watermark = self._hooks.watermark()
        known = [*sent, _span(events)] if events else sent
        is_last = not self._outbox.newest_pending(1, but=known)
        return EventBatch(
            kiosk_id=self._route.kiosk_id,
            events=tuple(events),
            watermark=watermark if is_last else None,
            last_seq=self._outbox.last_seq,
        )

    def _settle(self, ack: Ack, *, is_answer: bool = False) -> Settled:
        """Hand an ack to the outbox; return what it changed."""
        settled = self._outbox.settle(ack, is_answer=is_answer)
        _log(settled)
        waiting = [one for one in self._in_flight if self._outbox.is_any_waiting(one.span)]
        self._in_flight = self._answered(waiting, ack)
        if waiting and (settled.again or settled.renumbered):
            self._send_all_again()
        if settled != Settled() or len(self._in_flight) < len(waiting):
            self._advanced_at_s = self._clock.monotonic_s()
            self._is_overdue = False
        return settled

    def _answered(self, waiting: list[_Flight], ack: Ack) -> list[_Flight]:
        """Return the batches to wait for: not those that acks are silent about while gaps wait."""
        known = ack.known_through
        self._known_through = NO_END if known is None else known
        if known is None or not self._outbox.is_any_waiting(SeqSpan(1, known)):
            return waiting
        return [one for one in waiting if one.span.first <= known]

    def _send_all_again(self) -> None:
        self._in_flight.clear()
        self._outbox.send_again()

    def _wait_as_asked(self, paced: PacedError) -> None:
        """Wait as long as the server says, which is no failure: the next wait is no longer."""
        logger.debug("Events wait: %s", paced)
        self._backoff.reset()
        self._retry_at_s = self._clock.monotonic_s() + paced.retry_after_s

    def _wait_longer(self) -> None:
        self._retry_at_s = self._clock.monotonic_s() + self._backoff.next_s()


def _span(events: list[RawEvent]) -> SeqSpan:
    """The numbers of the first and the last event of a batch."""
    return SeqSpan(int(str(events[0]["seq"])), int(str(events[-1]["seq"])))


def _is_progress(settled: Settled) -> bool:
    """Events that only got new numbers wait a moment: those may be taken again at once."""
    return replace(settled, renumbered=0) != Settled()


def _log(settled: Settled) -> None:
    """Log what an ack changed, unless it only said that events are stored."""
    if settled.refused:
        logger.error("server refused %d events, kept apart here", settled.refused)
    if settled.renumbered:
        logger.warning(
            "renumbered %d events: sequence numbers already used on the server", settled.renumbered
        )
    if settled.again:
        logger.warning("server lost %d events, sending them again", settled.again)
    if settled.stated:
        logger.error("events lost on both sides, stated in %d gap events", settled.stated)
