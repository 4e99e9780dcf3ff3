"""Health strip: what is wrong with the device, worst first, in a few words."""

from dataclasses import dataclass

from kiosk.domain.health import CameraHealth, DiskHealth, Health, LinkHealth, RecognitionHealth
from kiosk.domain.links import LinkSecurity
from kiosk.domain.room import clock_difference
from kiosk.ui.catalogue import Catalogue
from kiosk.ui.presenters.view import ViewPresenter
from protocol.v1.messages import ClockSource

MAX_ITEMS = 4
_SEVERITIES = ("alarm", "warning", "quiet")
_MISSING = (
    RecognitionHealth.MODEL_MISSING,
    RecognitionHealth.NETWORK_MISSING,
    RecognitionHealth.NETWORK_DAMAGED,
)
_SERVER_FAULTS = (
    LinkHealth.REFUSED,
    LinkHealth.FOREIGN,
    LinkHealth.REDIRECTED,
    LinkHealth.OTHER_SERVER,
    LinkHealth.UNKNOWN_KIOSK,
)
_CLAIMABLE = (LinkHealth.UNKNOWN_KIOSK,)
"""Faults that the server itself stated, with its signature. Anybody can cause the others."""
_CAMERA_ALARMS = (CameraHealth.GONE, CameraHealth.BLACK, CameraHealth.FROZEN)


@dataclass(frozen=True, slots=True)
class HealthItem:
    """One thing on the strip: alarm, warning or quiet."""

    icon: str
    words: str
    severity: str


@dataclass(frozen=True, slots=True)
class HealthView:
    """The strip: at most MAX_ITEMS things, the worst first.

    ``claimable`` says that a tap on it opens the field for a new claim code.
    """

    items: tuple[HealthItem, ...] = ()
    claimable: bool = False


def health_view(health: Health, words: Catalogue) -> HealthView:
    """Choose what to say; a device that is well says only that it is connected."""
    items = [*_link_items(health, words), *_device_items(health, words)]
    items.sort(key=lambda item: _SEVERITIES.index(item.severity))
    if not items:
        items = [HealthItem("online", words("health.connected"), "quiet")]
    return HealthView(tuple(items[:MAX_ITEMS]), claimable=health.server in _CLAIMABLE)


def _link_items(health: Health, words: Catalogue) -> list[HealthItem]:
    items = _security_items(health, words)
    if health.server in _SERVER_FAULTS:
        said = words(f"health.server.{health.server.value}")
        severity = "alarm" if health.server in _CLAIMABLE else "warning"
        items.append(HealthItem("alert", said, severity))
    elif health.is_offline and health.offline_since is not None:
        since = words("health.offline_since", time=words.time(health.offline_since))
        items.append(HealthItem("offline", since, "warning"))
    elif health.is_offline:
        items.append(HealthItem("offline", words("health.offline"), "warning"))
    return [*items, *_record_items(health, words)]


def _security_items(health: Health, words: Catalogue) -> list[HealthItem]:
    """Say what is wrong with the protection of the connections; the server's comes first."""
    server, broker = health.server_link, health.broker_link
    if server.is_fault:
        return [HealthItem("alert", words(f"health.link.{server.value}"), "warning")]
    if LinkSecurity.PLAIN in (server, broker):
        return [HealthItem("alert", words("health.link.plain"), "warning")]
    if broker is LinkSecurity.PLAIN_REFUSED:
        return [HealthItem("alert", words("health.broker_link.plain_refused"), "warning")]
    if broker is not None and broker.is_fault:
        return [HealthItem("alert", words("health.broker_link.certificate"), "warning")]
    return []


def _record_items(health: Health, words: Catalogue) -> list[HealthItem]:
    items = []
    if health.waiting:
        severity = "warning" if health.is_offline else "quiet"
        items.append(HealthItem("waiting", words.count("health.waiting", health.waiting), severity))
    if health.refused:
        items.append(HealthItem("alert", words.count("health.refused", health.refused), "warning"))
    if health.lost:
        items.append(HealthItem("alert", words.count("health.lost", health.lost), "warning"))
    if health.set_aside:
        said = words.count("health.set_aside", health.set_aside)
        items.append(HealthItem("waiting", said, "quiet"))
    return items


def _device_items(health: Health, words: Catalogue) -> list[HealthItem]:
    items = []
    if health.camera in _CAMERA_ALARMS:
        said = words(f"health.camera.{health.camera.value}")
        items.append(HealthItem("camera-off", said, "alarm"))
    elif health.mounting.fault:
        said = words(f"health.camera.{health.mounting.fault}")
        items.append(HealthItem("camera-off", said, "alarm"))
    if health.recognition.is_off:
        items.append(HealthItem("alert", _recognition_words(health, words), "alarm"))
    runs = health.accelerator
    if runs.fault and runs.since is not None:
        said = words("health.accelerator", time=words.time(runs.since))
        items.append(HealthItem("alert", said, "warning"))
    return [*items, *_clock_items(health, words), *_disk_items(health, words)]


def _clock_items(health: Health, words: Catalogue) -> list[HealthItem]:
    if health.clock is ClockSource.UNSYNCED:
        return [HealthItem("clock", words("health.clock"), "warning")]
    difference = clock_difference(health.clock_offset_ms)
    if difference is None:
        return []
    said = words.count(f"health.clock_off.{difference.unit.value}", difference.number)
    return [HealthItem("clock", said, "quiet")]


def _disk_items(health: Health, words: Catalogue) -> list[HealthItem]:
    items = []
    if health.disk is not DiskHealth.OK:
        severity = "warning" if health.disk.can_record else "alarm"
        items.append(HealthItem("disk", words(f"health.disk.{health.disk.value}"), severity))
    if health.renewed:
        items.append(HealthItem("disk", words("health.renewed"), "quiet"))
    return items


def _recognition_words(health: Health, words: Catalogue) -> str:
    state = health.recognition
    if state.health is RecognitionHealth.OTHER_NETWORK:
        return words("health.other_network")
    if state.health in _MISSING and state.model:
        return words(f"health.{state.health.value}", model=state.model, command=state.command)
    return words("health.recognition")


class HealthPresenter(ViewPresenter[HealthView]):
    """Keeps the strip current."""

    def __init__(self, words: Catalogue) -> None:
        super().__init__(HealthView(), words)

    def show(self, health: Health) -> None:
        """Show this state."""
        self.replace(health_view(health, self._words))
