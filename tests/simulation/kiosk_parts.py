"""What stands in for threads, window, camera and hardware of a simulated kiosk."""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from kiosk.app.board import HealthBoard
from kiosk.app.device import Device
from kiosk.app.introducing import ClaimEntry
from kiosk.app.main import KioskProcess
from kiosk.domain.attendant import Attendant
from kiosk.domain.clock import Clock
from kiosk.domain.health import CameraHealth
from kiosk.domain.offset import OffsetStore
from kiosk.domain.timetable import Timetable
from kiosk.sync.clock import Machine, SystemClock
from kiosk.sync.scheduler import guarded
from kiosk.sync.uploader import UploadTimings
from tests.simulation.errors import Suspended
from tests.simulation.links import KioskLink, Place

if TYPE_CHECKING:
    from tests.simulation.kiosk_host import KioskHost

_NIGHT_FACTOR = 8.0
_HEAR_S = 1800.0
_LEAST_S = 900.0  # rounds that carry no news are most of the work of a day


def _kiosk() -> "KioskHost":
    host: Any = Place.world.host
    assert host is not None
    kiosk: KioskHost = host
    return kiosk


class _Silent:
    """In place of window and camera: takes every call."""

    health = CameraHealth.OK
    spec = SimpleNamespace(is_replay=True)

    def report(self) -> "_Silent":
        """Say that the camera works."""
        return self

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_args, **_options: None


class Door:
    """In place of `AttendantLoop`: the attendant, called directly."""

    def __init__(self, attendant: Attendant) -> None:
        self.attendant = attendant
        self.is_idle = True

    def configure(self, timetable: Timetable) -> None:
        self.attendant.configure(timetable)

    def stop(self) -> None:
        """There is no thread to end."""


class Process(KioskProcess):
    """The kiosk's own process class; only the window, the camera and the waiting are left out."""

    def _build_window(self) -> Any:
        return _Silent()

    def _wait_for_data(self, device: Device, board: HealthBoard) -> bool:
        del device, board
        return True

    def _open_the_door(self, device: Device, board: HealthBoard) -> None:
        del board
        self._loop = Door(device.attendant())  # type: ignore[assignment]
        self._on_timetable()


class Jobs:
    """In place of `kiosk.sync.scheduler.Scheduler`: the same jobs, on the world's timeline."""

    def __init__(self, clock: Clock) -> None:
        del clock
        host = _kiosk()
        self._host = host
        self._incarnation = host.incarnation
        self._jobs: dict[str, tuple[float, Callable[[], object]]] = {}
        self._turns: dict[str, int] = {}
        self._is_stopped = False

    def every(self, name: str, seconds: float, work: Callable[[], object]) -> None:
        self._jobs[name] = (seconds, guarded(name, work))

    def soon(self, name: str) -> None:
        self._plan(name, 0.05)

    def watch_clock(self) -> bool:
        return False

    def start(self) -> None:
        for number, name in enumerate(self._jobs):
            self._plan(name, 0.2 + number * 0.1)

    def stop(self) -> None:
        self._is_stopped = True

    def _plan(self, name: str, delay_s: float) -> None:
        turn = self._turns[name] = self._turns.get(name, 0) + 1
        self._host.world.later(delay_s, name, lambda: self._run(name, turn))

    def _run(self, name: str, turn: int) -> None:
        is_old = self._incarnation != self._host.incarnation or not self._host.is_up
        if is_old or self._is_stopped or turn != self._turns[name]:
            return
        seconds, work = self._jobs[name]
        pause_s = max(seconds, _LEAST_S)
        self._plan(name, pause_s * (1 if self._host.is_day() else _NIGHT_FACTOR))
        self._host.step(work)


class Hardware(Machine):
    """The machine's clocks: files of the host, and a battery that keeps true time."""

    def __init__(self, host: "KioskHost") -> None:
        host.mark_sources()
        super().__init__(host.folder / "ntp", host.folder / "rtc", host.folder / "boot_id")
        self._host = host

    def _battery_s(self, uptime_s: float) -> float | None:
        del uptime_s
        return self._host.world.now.timestamp() if self._host.has_rtc else None


def replaced_parts() -> list[tuple[str, Any]]:
    """Return what stands in for threads, window and camera: (name in the product, stand-in)."""

    def clock(store: OffsetStore | None = None) -> SystemClock:
        host = _kiosk()
        return host.clock(store)

    def no_code(_onboarding: object, wait_s: float = 1.0) -> ClaimEntry | None:
        host = _kiosk()
        if wait_s == 0:  # a kiosk at work looks whether a person typed one
            typed, host.typed_code = host.typed_code, None
            return ClaimEntry(typed) if typed else None
        host.claim_code, host.needs_code = None, True  # it was refused; the technician is away
        raise Suspended

    return [
        ("kiosk.app.main.SystemClock", clock),
        ("kiosk.app.onboarding.Onboarding._next_entry", no_code),
        ("kiosk.app.startup.FolderLock", lambda _folder: _Silent()),
        ("kiosk.app.main.build_camera", lambda *_args: _Silent()),
        ("kiosk.app.device.MQTTLink", KioskLink),
        ("kiosk.app.device.Scheduler", Jobs),
        ("kiosk.app.device.UploadTimings", partial(UploadTimings, hear_s=_HEAR_S)),
    ]
