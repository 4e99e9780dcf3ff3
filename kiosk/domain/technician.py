"""The technician screen: who may open it, and what it shows. It holds no names of people."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.desk_states import PAD_S
from kiosk.domain.sightings import Hint
from kiosk.domain.waits import Waits
from protocol.v1.checkin import PIN_DIGITS
from protocol.v1.findings import CodedText

OPEN_S = 120.0
"""The screen closes after so long without a touch."""
_PURPOSE = b"rollcall technician pin"
_ONE_ROW = ""


def technician_pin(signing_key: Ed25519PrivateKey) -> str:
    """Return the PIN that opens the technician screen of the kiosk with this key.

    It is derived, so no further secret lies on the disk, and a new claim with a new key changes it.
    """
    digest = hmac.new(signing_key.private_bytes_raw(), _PURPOSE, sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 10**PIN_DIGITS:0{PIN_DIGITS}d}"


class TechnicianState(StrEnum):
    """CLOSED: not there. PIN: a PIN is asked for. OPEN: the screen is shown."""

    CLOSED = "closed"
    PIN = "pin"
    OPEN = "open"


class TechnicianAccess:
    """Opens and closes the technician screen. Used by one thread.

    Args:
        monotonic_s: a clock that only grows.

    Attributes:
        state: now.
        is_wrong: the last PIN was wrong.
    """

    def __init__(self, monotonic_s: Callable[[], float]) -> None:
        self._monotonic_s = monotonic_s
        self._pin: str | None = None
        self._waits = Waits()
        self._until_s = 0.0
        self.state = TechnicianState.CLOSED
        self.is_wrong = False

    @property
    def wait_s(self) -> int:
        """Whole seconds to wait before the next try; 0: none."""
        return self._waits.left_s(_ONE_ROW, self._monotonic_s())

    def require(self, pin: str | None) -> None:
        """Ask for this PIN from now on; None: a kiosk without a claim asks for none.

        A screen that is open without the PIN closes.
        """
        if pin != self._pin:
            self._pin = pin
            self.close()

    def open(self) -> None:
        """Ask for the PIN, or show the screen where none is needed."""
        if self.state is TechnicianState.CLOSED:
            needs_pin = self._pin is not None
            self.state = TechnicianState.PIN if needs_pin else TechnicianState.OPEN
            self.is_wrong = False
            self.touch()

    def admit(self) -> None:
        """Show the screen without a PIN; only for who may use the kiosk's own account."""
        self.state, self.is_wrong = TechnicianState.OPEN, False
        self.touch()

    def enter(self, pin: str) -> None:
        """Try a PIN; during a wait nothing is tried."""
        if self.state is not TechnicianState.PIN or self._pin is None or self.wait_s:
            return
        if hmac.compare_digest(pin.encode(), self._pin.encode()):
            self._waits.right(_ONE_ROW)
            self.state, self.is_wrong = TechnicianState.OPEN, False
        else:
            self._waits.wrong(_ONE_ROW, self._monotonic_s())
            self.is_wrong = True
        self.touch()

    def touch(self) -> None:
        """A person is at it: the time begins again."""
        stays_s = OPEN_S if self.state is TechnicianState.OPEN else PAD_S + self.wait_s
        self._until_s = self._monotonic_s() + stays_s

    def tick(self) -> None:
        """Let time pass: a screen that nobody touches closes."""
        if self._monotonic_s() >= self._until_s:
            self.close()

    def close(self) -> None:
        """Leave the pad or the screen. Wrong PINs are remembered."""
        self.state, self.is_wrong = TechnicianState.CLOSED, False


class FindingState(StrEnum):
    """How a check of the machine ended. SKIPPED: it could not look, or does not apply."""

    FAIL = "fail"
    WARN = "warn"
    SKIPPED = "skipped"
    OK = "ok"


@dataclass(frozen=True, slots=True)
class MachineFinding:
    """What one check found.

    Attributes:
        check: its name.
        state: how bad it is.
        text: what was seen, and what to do.
    """

    check: str
    state: FindingState
    text: CodedText


class VisionStage(StrEnum):
    """A step from picture to template."""

    DETECT = "detect"
    LANDMARKS = "landmarks"
    EMBED = "embed"


@dataclass(frozen=True, slots=True)
class Inspection:
    """What one picture shows of faces; nobody is compared with anybody.

    Attributes:
        width_px: of the picture.
        height_px: of the picture.
        box_px: left, top, width, height of the largest face; None: there is none.
        hint: what the largest face needs to be good enough.
        stages_ms: how long each step took that was reached.
    """

    width_px: int
    height_px: int
    box_px: tuple[float, float, float, float] | None = None
    hint: Hint | None = None
    stages_ms: tuple[tuple[VisionStage, float], ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """Figures that the health strip does not show.

    Attributes:
        version: of this software.
        is_serving: claim, storage and sync are there.
        silent_s: how long ago the server last answered; None: not since the start.
    """

    version: str = ""
    is_serving: bool = False
    silent_s: float | None = None
