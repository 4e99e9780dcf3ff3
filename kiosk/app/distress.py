"""What a kiosk with a claim but without its key can still do: tell the server what is wrong."""

import threading
from collections.abc import Callable
from pathlib import Path

from kiosk.app.device import broker_access
from kiosk.app.onboarding import software_version
from kiosk.app.record_parts import identity_part
from kiosk.app.server_trust import broker_trust
from kiosk.config import Settings
from kiosk.domain.clock import Clock
from kiosk.domain.health import LinkHealth
from kiosk.domain.identity import IdentityFault
from kiosk.storage.earlier import earlier_files, waiting_in
from kiosk.storage.identity import KeptIdentity
from kiosk.sync.backoff import Backoff
from kiosk.sync.inbox import Inbox
from kiosk.sync.mqtt import MQTTLink
from protocol.v1.messages import Status

_LOOK_S = 1.0


class DistressCall:
    """Sends the status of a kiosk that waits for a new claim code, while the broker lets it.

    Args:
        link: to the broker, with the credentials of the present claim.
        inbox: of the link; what arrives means nothing now.
        status: asked what to send.
        clock: for the intervals.
        interval_s: between two statuses.
    """

    def __init__(
        self,
        link: MQTTLink,
        inbox: Inbox,
        status: Callable[[], Status],
        *,
        clock: Clock,
        interval_s: float,
    ) -> None:
        self._link = link
        self._inbox = inbox
        self._status = status
        self._clock = clock
        self._interval_s = interval_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="distress", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._link.start()
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(2 * _LOOK_S)
        self._link.stop()

    def _run(self) -> None:
        next_s = self._clock.monotonic_s()
        while not self._stopping.is_set():
            self._inbox.take(_LOOK_S)
            now_s = self._clock.monotonic_s()
            is_due = now_s >= next_s and self._link.health is LinkHealth.UP
            if is_due and self._link.send_status(self._status()):
                next_s = now_s + self._interval_s


def distress_call(settings: Settings, kept: KeptIdentity, clock: Clock) -> DistressCall | None:
    """Start to tell the server what is wrong; None where all is well or nobody would listen."""
    claim = kept.claim
    access = None if claim is None else broker_access(settings, claim.broker)
    if claim is None or access is None or kept.fault is IdentityFault.NONE:
        return None
    inbox = Inbox()
    trust = broker_trust(settings, clock, claim)
    call = DistressCall(
        MQTTLink(access, inbox, Backoff(1.0, settings.retry_max_s), trust),
        inbox,
        lambda: _status(kept.fault, settings.data_dir, clock),
        clock=clock,
        interval_s=settings.status_interval_s,
    )
    call.start()
    return call


def _status(fault: IdentityFault, folder: Path, clock: Clock) -> Status:
    outbox = folder / "outbox.db"
    return Status(
        online=True,
        at=clock.reading().best_at,
        software_version=software_version(),
        backlog=waiting_in(outbox),
        set_aside=sum(waiting_in(file) for file in earlier_files(outbox)),
        parts={"identity": identity_part(fault)},
    )
