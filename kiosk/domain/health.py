"""The health strip as a value, and the edges at which a fault starts and clears."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from kiosk.domain.keeping import KeyKeeping
from kiosk.domain.links import LinkSecurity
from kiosk.domain.networks import NetworkState
from protocol.v1.messages import ClockSource

_UPSIDE_DOWN_DEG = 180


class CameraHealth(StrEnum):
    """What the camera does."""

    OK = "ok"
    STARTING = "starting"
    GONE = "gone"
    BLACK = "black"
    FROZEN = "frozen"
    FINISHED = "finished"


class DiskHealth(StrEnum):
    """Whether the kiosk can record.

    NEARLY_FULL: the free space does not hold what the outbox may still take.
    OUTBOX_NEARLY_FULL: see `NEARLY_FULL_SHARE`.
    RECOVERED: the outbox was damaged; what could be read was saved.
    """

    OK = "ok"
    FULL = "full"
    OUTBOX_FULL = "outbox_full"
    NEARLY_FULL = "nearly_full"
    OUTBOX_NEARLY_FULL = "outbox_nearly_full"
    FAILING = "failing"
    RECOVERED = "recovered"

    @property
    def can_record(self) -> bool:
        """Return whether events can be stored now."""
        return self not in (DiskHealth.FULL, DiskHealth.OUTBOX_FULL, DiskHealth.FAILING)


class RecognitionHealth(StrEnum):
    """Whether faces are compared."""

    OK = "ok"
    STARTING = "starting"
    MODEL_MISSING = "model_missing"
    NETWORK_MISSING = "network_missing"
    NETWORK_DAMAGED = "network_damaged"
    OTHER_NETWORK = "other_network"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class RecognitionState:
    """How recognition is.

    Attributes:
        health: whether faces are compared.
        model: the card of the model that is missing, damaged or leaves people out, or of the
            settings' network where the school uses another.
        command: what brings it here, for a technician.
        left_out: people who are not recognised: the model has no limits for children.
        school: the school's network, where the settings name another.
    """

    health: RecognitionHealth = RecognitionHealth.STARTING
    model: str = ""
    command: str = ""
    left_out: int = 0
    school: str = ""

    @property
    def is_off(self) -> bool:
        """Return whether recognition is off until a person fixes it."""
        return self.health not in (RecognitionHealth.OK, RecognitionHealth.STARTING)


@dataclass(frozen=True, slots=True)
class AcceleratorState:
    """What runs the embedding network.

    Attributes:
        rung: `edgetpu`, `cpu`, or `none` while nothing does.
        fault: why the accelerator does not serve, in one word; empty while it does and where none
            is asked for.
        since: UTC, when that began; None before the models are open.
    """

    rung: str = "cpu"
    fault: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class CameraMounting:
    """How the camera hangs.

    Attributes:
        turn_deg: faces are found only in pictures turned clockwise by this; 0 when upright.
        rotation_deg: the value of the setting `camera_rotation` that would turn them upright.
    """

    turn_deg: int = 0
    rotation_deg: int = 0

    @property
    def fault(self) -> str:
        """What seems wrong, in one word: upside_down, on_its_side, or empty."""
        if self.turn_deg == 0:
            return ""
        return "upside_down" if self.turn_deg == _UPSIDE_DOWN_DEG else "on_its_side"


class LinkHealth(StrEnum):
    """Whether the server or the broker can be reached.

    Attributes:
        UP: the server answered and signed it; the broker accepted the connection.
        DOWN: no answer, or one that says to try later.
        REFUSED: it refuses this kiosk's requests.
        FOREIGN: something between this kiosk and the server answers in its place.
        REDIRECTED: the server's address leads to the same one with https.
        OTHER_SERVER: a server answers that is too old to sign, or is not this kiosk's.
        UNKNOWN_KIOSK: this kiosk's server answers, and does not know this kiosk.
    """

    UP = "up"
    DOWN = "down"
    REFUSED = "refused"
    FOREIGN = "foreign"
    REDIRECTED = "redirected"
    OTHER_SERVER = "other_server"
    UNKNOWN_KIOSK = "unknown_kiosk"


@dataclass(frozen=True, slots=True)
class Health:
    """Everything the health strip shows. Counts are events.

    Attributes:
        server_link: how the connection to the server is protected.
        broker_link: likewise; None where no broker is used.
        is_heard: a signed ack came through the broker lately.
        offline_since: UTC, None while either way to the server works.
        waiting: recorded and not yet acknowledged.
        refused: refused by the server and kept here.
        set_aside: of an earlier identity, key or damaged file, and not delivered yet.
        lost: whose numbers are known and whose content is lost.
        templates: in the gallery now.
        network: which networks are open.
        clock_offset_ms: server time minus kiosk time, when last measured.
        renewed: caches that were damaged and made anew, until they are downloaded again.
        key: what keeps the key to the kiosk's own files.
    """

    server: LinkHealth = LinkHealth.DOWN
    broker: LinkHealth = LinkHealth.DOWN
    server_link: LinkSecurity = LinkSecurity.TLS
    broker_link: LinkSecurity | None = None
    is_heard: bool = False
    offline_since: datetime | None = None
    waiting: int = 0
    refused: int = 0
    set_aside: int = 0
    lost: int = 0
    templates: int = 0
    camera: CameraHealth = CameraHealth.STARTING
    mounting: CameraMounting = CameraMounting()
    recognition: RecognitionState = RecognitionState()
    network: NetworkState = field(default_factory=NetworkState)
    accelerator: AcceleratorState = AcceleratorState()
    clock: ClockSource = ClockSource.UNSYNCED
    clock_offset_ms: float | None = None
    disk: DiskHealth = DiskHealth.OK
    renewed: tuple[str, ...] = ()
    key: KeyKeeping = field(default_factory=KeyKeeping)

    @property
    def is_offline(self) -> bool:
        """No signed answer of the server comes, neither over HTTP nor through the broker.

        A connection to the broker alone says nothing about the server behind it.
        """
        return not is_server_heard(self.server, self.broker, is_heard=self.is_heard)


def is_server_heard(server: LinkHealth, broker: LinkHealth, *, is_heard: bool) -> bool:
    """Say whether the server itself can be heard.

    Args:
        server: over HTTP.
        broker: the connection to the broker.
        is_heard: a signed ack came through the broker lately.
    """
    return server is LinkHealth.UP or (broker is LinkHealth.UP and is_heard)


@dataclass(frozen=True, slots=True)
class FaultCleared:
    """A fault is over; it lasted ``lasted_s`` seconds."""

    lasted_s: float


class FaultEdge:
    """Remembers whether a fault is on, so that it is reported once when it starts and ends."""

    def __init__(self) -> None:
        self._since_s: float | None = None

    @property
    def is_on(self) -> bool:
        """Whether the fault is on now."""
        return self._since_s is not None

    def start(self, now_s: float) -> bool:
        """Note that the fault is seen at ``now_s`` (monotonic). True only when it is new."""
        if self._since_s is not None:
            return False
        self._since_s = now_s
        return True

    def clear(self, now_s: float) -> FaultCleared | None:
        """Note that all is well at ``now_s``. A value only when a fault was on until now."""
        if self._since_s is None:
            return None
        lasted_s = now_s - self._since_s
        self._since_s = None
        return FaultCleared(lasted_s)
