"""How the kiosk is: put together for the strip on the screen and for the server."""

from collections.abc import Callable
from dataclasses import dataclass

from kiosk.app.device import Device
from kiosk.app.onboarding import software_version
from kiosk.app.parts import parts_of
from kiosk.domain.clock import Clock
from kiosk.domain.health import (
    AcceleratorState,
    CameraHealth,
    CameraMounting,
    DiskHealth,
    Health,
    LinkHealth,
    RecognitionState,
    is_server_heard,
)
from kiosk.domain.networks import NetworkState
from protocol.v1.messages import Status

_PERIOD_S = 0.5


@dataclass(frozen=True, slots=True)
class Eyes:
    """How the parts that see are now; asked from any thread.

    Attributes:
        camera: asked.
        recognition: asked.
        accelerator: asked.
        network: asked which networks are open.
        mounting: asked how the camera hangs.
    """

    camera: Callable[[], CameraHealth]
    recognition: Callable[[], RecognitionState]
    accelerator: Callable[[], AcceleratorState] = AcceleratorState
    network: Callable[[], NetworkState] = NetworkState
    mounting: Callable[[], CameraMounting] = CameraMounting


class HealthBoard:
    """Composes the kiosk's health. `refresh` is called often, by one thread at a time.

    Args:
        clock: for "offline since".
        device: storage and sync.
        eyes: camera and recognition.
        on_health: hears of each change.
    """

    def __init__(
        self,
        clock: Clock,
        device: Device,
        eyes: Eyes,
        on_health: Callable[[Health], None],
    ) -> None:
        self._clock = clock
        self._device = device
        self._eyes = eyes
        self._on_health = on_health
        self._started_s = clock.monotonic_s()
        self._refreshed_s = 0.0
        self._gallery = (-1, 0)
        self.health = Health()
        self._offline_since = self.health.offline_since

    def refresh(self) -> None:
        """Compose anew, at most twice a second, and pass on what changed."""
        now_s = self._clock.monotonic_s()
        if now_s - self._refreshed_s < _PERIOD_S:
            return
        self._refreshed_s = now_s
        health = self._compose()
        if health != self.health:
            self.health = health
            self._on_health(health)

    def status(self) -> Status:
        """The same for the server."""
        device, reading = self._device, self._clock.reading()
        kept = device.config.load()
        return Status(
            online=True,
            at=reading.best_at,
            software_version=software_version(),
            uptime_s=self._clock.monotonic_s() - self._started_s,
            backlog=device.outbox.waiting,
            set_aside=device.earlier.waiting,
            last_seq=device.outbox.last_seq,
            watermark=None if device.outbox.waiting else device.watermark(),
            gallery_version=device.gallery.since,
            gallery_size=device.gallery.size,
            embedder=self._eyes.network().current or None,
            shadow=device.changeover.tally.counts(),
            config_version=kept.document.version if kept else None,
            clock_source=reading.source,
            clock_offset_ms=reading.offset_ms,
            parts=parts_of(self.health),
        )

    def _compose(self) -> Health:
        device, reading = self._device, self._clock.reading()
        server = device.client.health
        broker = LinkHealth.DOWN if device.link is None else device.link.health
        is_offline = not is_server_heard(server, broker, is_heard=device.is_heard)
        since = self._offline_since or reading.best_at
        self._offline_since = since if is_offline else None
        return Health(
            server=server,
            broker=broker,
            server_link=device.client.security,
            broker_link=None if device.link is None else device.link.security,
            is_heard=device.is_heard,
            offline_since=self._offline_since,
            waiting=device.outbox.waiting,
            refused=device.outbox.refused,
            set_aside=device.earlier.waiting,
            lost=device.lost,
            templates=self._templates(),
            camera=self._eyes.camera(),
            mounting=self._eyes.mounting(),
            recognition=self._eyes.recognition(),
            network=self._eyes.network(),
            accelerator=self._eyes.accelerator(),
            clock=reading.source,
            clock_offset_ms=reading.offset_ms,
            disk=self._disk(),
            renewed=device.renewed(),
            key=device.key_keeping,
        )

    def _disk(self) -> DiskHealth:
        """The worst of: the last try to record, the room that is left, a repaired outbox."""
        disk = self._device.watched.disk
        if disk is DiskHealth.OK:
            disk = self._device.room()
        is_mended = disk is DiskHealth.OK and self._device.was_recovered
        return DiskHealth.RECOVERED if is_mended else disk

    def _templates(self) -> int:
        """Counted only when the gallery changed."""
        version = self._device.gallery.version()
        if version != self._gallery[0]:
            self._gallery = (version, self._device.gallery.size)
        return self._gallery[1]
