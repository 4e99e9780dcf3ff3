"""A kiosk of the simulation: the real process without window, camera and threads."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import HttpUrl, SecretStr

from kiosk.app.device import Device
from kiosk.app.ending import REVOKED
from kiosk.config import Settings
from kiosk.domain.offset import OffsetStore
from kiosk.domain.screens import Screen
from kiosk.domain.sightings import Recognition, Sighting
from kiosk.errors import KioskError
from kiosk.sync.clock import SystemClock
from tests.simulation.errors import Crash, Suspended
from tests.simulation.kiosk_parts import Door, Hardware, Process
from tests.simulation.world import Host, World

_TURN_S, _NIGHT_TURN_S = 30.0, 3600.0
_AGAIN_S = 300.0


class KioskHost(Host):
    """One kiosk's machine: its data folder outlives the process."""

    def __init__(self, world: World, name: str, folder: Path, *, uses_broker: bool) -> None:
        super().__init__(world, name, folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.uses_broker = uses_broker
        self.process: Process | None = None
        self.claim_code: str | None = None
        self.typed_code: str | None = None
        self.needs_code = False
        self.gave_up = 0
        self.is_removed = False
        self.has_ntp = True
        self.has_rtc = True
        self._tracks = 0
        self._is_poked = False

    @property
    def door_name(self) -> str:
        """The door it hangs at; a clone hangs where its original does."""
        return self.name.partition("-clone")[0]

    @property
    def door(self) -> int:
        """The number of that door."""
        return int(self.door_name.removeprefix("kiosk-"))

    def settings(self) -> Settings:
        """The settings file of this kiosk."""
        code = SecretStr(self.claim_code) if self.claim_code else None
        return Settings(
            data_dir=self.folder / "data",
            key_keeper="file",
            server_url=HttpUrl("http://school.example"),
            allow_plain=True,
            claim_code=code,
            mqtt=self.uses_broker,
            sync_interval_s=1800,
            ack_deadline_s=30,
            retry_max_s=120,
        )

    def clock(self, store: OffsetStore | None = None) -> SystemClock:
        """The product's clock on this machine's hardware."""
        return SystemClock(store, machine=Hardware(self))

    def mark_sources(self) -> None:
        """Write down for the product's clock whether NTP has set it."""
        mark = self.folder / "ntp"
        mark.touch() if self.has_ntp else mark.unlink(missing_ok=True)

    def is_day(self) -> bool:
        """Whether the school is open: at night everything happens more rarely."""
        return 7 <= self.world.now.hour < 12

    def boot(self, *, is_reboot: bool = True) -> None:
        """Start the process; one without a claim waits for its code."""
        if self.is_up or self.is_removed:
            return
        self.incarnation += 1
        self.is_up = True
        self._is_poked = False
        if is_reboot or not (self.folder / "boot_id").exists():
            self.booted_at = self.world.now
            (self.folder / "boot_id").write_text(self.world.noise.randbytes(16).hex())
        self.world.note(f"{self.name} boots")
        if self.step(self._bring_up):
            incarnation = self.incarnation
            self.world.later(0.3, "turn", lambda: self._turn(incarnation))

    def _bring_up(self) -> None:
        self.process = process = Process(self.settings())
        self.needs_code = False
        try:
            is_up = process._bring_up()
        except Suspended:
            if not self.needs_code:
                raise
            is_up = False
        if is_up:
            self.claim_code = None
        else:
            self.halt()

    def step(self, work: Callable[[], object]) -> bool:
        """Run a piece of this kiosk's work; False where the process did not survive it."""
        with self.running():
            try:
                work()
            except Crash:
                self.crashed()
                return False
            except Suspended:
                self.halt(delay_s=_AGAIN_S)
                return False
            except KioskError as exc:
                self.world.note(f"{self.name} cannot go on: {type(exc).__name__}")
                self.halt(delay_s=120)
                return False
        process = self.process
        if process is not None and process._stopping.is_set():
            self.world.note(f"{self.name} ends with status {process.exit_status}")
            self.gave_up += process.exit_status == REVOKED
            self.halt(delay_s=10)
            return False
        return self.is_up

    def halt(self, *, delay_s: float | None = None) -> None:
        """End the process in good order, and start it again after a while."""
        fuse, self.fuse = self.fuse, None
        with self.running():
            device = self.process._device if self.process else None
            if device is not None:
                device.stop()
        self.fuse = fuse
        self._down()
        if delay_s is not None:
            self.world.later(delay_s, "boot", lambda: self.boot(is_reboot=False))

    def crashed(self) -> None:
        """Bury the process: its files are as they were at the crash."""
        self._drop_link()
        self._down()
        self.thaw()
        self.world.later(self.world.chance.uniform(5, 1200), "boot", self.boot)

    def pull_the_plug(self) -> None:
        """Switch the machine off between two steps."""
        if self.is_up:
            self.freeze()
            self.crashed()

    def _drop_link(self) -> None:
        device = self.process._device if self.process else None
        if device is not None and device.link is not None:
            link: Any = device.link
            self.is_up = False
            link.drop()

    def _down(self) -> None:
        self.is_up = False
        self.fuse = None
        self.process = None
        self.close_files()

    def poke(self) -> None:
        """Something is in the uploader's inbox: look soon."""
        if not self._is_poked:
            self._is_poked = True
            incarnation = self.incarnation
            self.world.later(0.05, "turn", lambda: self._turn(incarnation, is_poke=True))

    def _turn(self, incarnation: int, *, is_poke: bool = False) -> None:
        if incarnation != self.incarnation or not self.is_up:
            return
        if is_poke:
            self._is_poked = False
        self.step(self._work)
        if not is_poke:
            delay = _TURN_S if self.is_day() else _NIGHT_TURN_S
            self.world.later(delay, "turn", lambda: self._turn(incarnation))

    def _work(self) -> None:
        process = self.process
        device = process._device if process else None
        if process is None or device is None:
            return
        uploader = device.uploader
        uploader.turn(uploader._inbox.take(0))
        uploader._hooks.on_idle()
        process._look_for_new_claim()
        if self.attending is not None:
            self.attending.attendant.tick()

    @property
    def attending(self) -> Door | None:
        """The attendant; None while the process does not serve people."""
        loop: Any = self.process._loop if self.process else None
        return loop if isinstance(loop, Door) else None

    @property
    def device(self) -> Device | None:
        """Storage and sync of the running process."""
        return self.process._device if self.process else None

    def see(self, person_id: str, model_id: str) -> Screen | None:
        """Put a person in front of the camera; returns what the screen shows."""
        shown: list[Screen] = []

        def work() -> None:
            device, door = self.device, self.attending
            if device is None or door is None or person_id not in device.gallery.people():
                return
            self._tracks += 1
            found = Recognition(person_id, 0.3, 0.4, 0.5, 0.9, model_id)
            at_s = self.monotonic_s()
            shown.append(door.attendant.handle(Sighting.recognised(self._tracks, at_s, found)))

        self.step(work)
        return shown[0] if shown else None

    def set_clock(self, offset: timedelta) -> None:
        """Step the wall clock."""
        self.wall_offset = offset
