"""A blank Debian 12 and its card, and how it is booted without a screen and without a camera."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from scripts.demo import report
from scripts.demo.processes import DemoError, console_script
from scripts.demo.run import Demo
from scripts.demo.story import Story

_BLANK = (
    "systemd,systemd-sysv,dbus,ca-certificates,python3,python3-venv,udev,kmod,login,passwd,procps"
)
_PACKAGES = (
    *("cage", "xwayland", "seatd", "fonts-noto-core", "libgl1", "libglib2.0-0", "libegl1"),
    *("libxkbcommon0", "libdbus-1-3", "libfontconfig1", "libthai0", "libwayland-cursor0"),
    *("libwayland-egl1", "libgles2"),
)
_NO_SCREEN = """[Service]
Environment=WLR_BACKENDS=headless WLR_RENDERER=pixman WLR_LIBINPUT_NO_DEVICES=1
Environment=QT_QUICK_BACKEND=software ROLLCALL_KIOSK_REPLAY_LOOP=true ROLLCALL_KIOSK_EMBEDDER=%s
"""
_COMMAND_LINE = "console=serial0,115200 root=PARTUUID=8a676486-02 rootfstype=ext4 rootwait quiet\n"
_INSTALL_S = 900.0
_MARK_S = 300.0
_LOOK_S = 0.1


@dataclass
class Drill:
    """One run with a card that carries its programs.

    Attributes:
        folder: what is kept between runs.
        story: told what happens.
        times: seconds of each step, by its name.
    """

    folder: Path
    story: Story
    times: dict[str, float] = field(default_factory=dict)

    @property
    def root(self) -> Path:
        """The kiosk's root file system."""
        return self.folder / "kiosk"

    @property
    def card(self) -> Path:
        """The kiosk's folder on the card."""
        return self.root / "boot/firmware/rollcall"

    @property
    def first_boot_log(self) -> str:
        """What the kiosk has told so far while it was installed."""
        log = self.card / "first-boot.log"
        return log.read_text(errors="replace") if log.exists() else ""

    @property
    def is_installed(self) -> bool:
        """Whether the kiosk's program is there."""
        return (self.root / "opt/rollcall/bin/rollcall-kiosk").exists()

    def programs(self, demo: Demo) -> tuple[str | Path, ...]:
        """Return the options of `image` that say where the programs come from."""
        del demo
        return ("--bundle", self.folder / "bundle")

    def network(self) -> tuple[str, ...]:
        """Return the options of systemd-nspawn for the network; none: that of this machine."""
        return ()

    def prepare(self) -> None:
        """Make what every run uses: a blank system, packages, bundle."""
        blank = self.folder / "blank"
        if not blank.exists():
            self.story.tell("Making", "a blank Debian 12")
            run("mmdebstrap", "--variant=minbase", f"--include={_BLANK}", "bookworm", blank)
        if not (self.folder / "debs").exists():
            self._download(blank)
        if not (self.folder / "bundle" / "manifest.json").exists():
            self.story.tell("Making", "the bundle")
            machine = os.uname().machine
            provision = console_script("rollcall-provision")
            options = ("--machine", machine, "--debs", self.folder / "debs")
            run(provision, "bundle", self.folder / "bundle", *options)

    def _download(self, blank: Path) -> None:
        self.story.tell("Fetching", "Debian packages for the card")
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            copy = Path(scratch) / "root"
            run("cp", "-a", blank, copy)
            options = ("-qq", "-y", "--no-install-recommends", "--download-only")
            run("chroot", copy, "apt-get", "-qq", "update")
            run("chroot", copy, "apt-get", *options, "install", *_PACKAGES)
            found = sorted((copy / "var/cache/apt/archives").glob("*.deb"))
            (self.folder / "debs").mkdir()
            for package in found:
                shutil.copy(package, self.folder / "debs")

    def write_card(self, demo: Demo, clip: Path) -> None:
        """Put a blank system and a prepared boot partition in place."""
        (self.folder / "boot.log").unlink(missing_ok=True)
        run("rm", "-rf", self.root)
        run("cp", "-a", self.folder / "blank", self.root)
        boot = self.root / "boot/firmware"
        boot.mkdir(parents=True)
        (boot / "cmdline.txt").write_text(_COMMAND_LINE)
        (boot / "config.txt").write_text("")
        self.story.write("")
        command = (
            *("image", "--boot", boot, "--hostname", "kiosk-r12", "--time-zone", "Europe/Berlin"),
            *("--server", demo.server_url, "--claim-code", demo.school.claim_code),
            *("--camera", "replay:/var/lib/clip.avi", *self.programs(demo)),
        )
        run(console_script("rollcall-provision"), *command)
        self.story.tell("Typed", "1 command: rollcall-provision image …")
        run("chmod", "-R", "755", boot)  # the partition is FAT, where every file can be run
        shutil.copy(clip, self.root / "var/lib/clip.avi")
        (self.root / "var/lib/clip.avi").chmod(0o644)
        extra = self.root / "etc/systemd/system/rollcall-kiosk.service.d/no-screen.conf"
        extra.parent.mkdir(parents=True)
        extra.write_text(_NO_SCREEN % demo.embedder)

    def first_boot(self) -> None:
        """Boot with the arguments of the card's command line, until the kiosk is installed."""
        started = time.monotonic()
        self.run_command_line()
        self.times["first boot, until the kiosk is installed"] = time.monotonic() - started
        if not self.is_installed:
            raise DemoError(f"the first boot did not install the kiosk; see {self.card}")

    def mark(self, demo: Demo) -> dict[str, object]:
        """Boot again, and wait for the first recorded mark; returns the register."""
        started = time.monotonic()
        with self.booted() as container:
            register = self.await_mark(container, demo)
            self.times["second boot, until the first recorded mark"] = time.monotonic() - started
        return register

    def run_command_line(self) -> None:
        """Boot as the card's command line says, until the system stops."""
        words = (self.root / "boot/firmware/cmdline.txt").read_text().split()
        arguments = [word for word in words if word.startswith("systemd.")]
        arguments = [word.replace("=reboot", "=poweroff") for word in arguments]
        with self.booted(*arguments) as container:
            container.wait(_INSTALL_S)

    def await_mark(self, container: subprocess.Popen[bytes], demo: Demo) -> dict[str, object]:
        """Wait for the first recorded mark; returns the register."""
        self.wait(container, lambda: bool(report.present_numbers(demo.register())), _MARK_S)
        register = demo.register()
        self.story.marks(register)
        return register

    def wait(
        self, container: subprocess.Popen[bytes], is_so: Callable[[], bool], limit_s: float
    ) -> None:
        """Wait until something is so while the container runs.

        Raises:
            DemoError: it took too long, or the container has ended.
        """
        deadline = time.monotonic() + limit_s
        while not is_so():
            if container.poll() is not None:
                raise DemoError("the container has ended")
            if time.monotonic() > deadline:
                last = (self.first_boot_log.splitlines() or ["nothing"])[-1]
                raise DemoError(f"nothing came within {limit_s:.0f} s; the kiosk told: {last}")
            time.sleep(_LOOK_S)

    @contextmanager
    def booted(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run the kiosk's system inside the block."""
        command = ["systemd-nspawn", "--register=no", "--keep-unit", "--quiet", *self.network()]
        with (self.folder / "boot.log").open("ab") as log:
            container = subprocess.Popen(
                [*command, f"--directory={self.root}", "--boot", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
            with _ended(container):
                yield container


@contextmanager
def _ended(container: subprocess.Popen[bytes]) -> Iterator[None]:
    """End a container in any case, or the drill would wait for it without limit."""
    try:
        yield
    except subprocess.TimeoutExpired as exc:
        raise DemoError("the container was still running") from exc
    finally:
        container.send_signal(signal.SIGTERM)
        try:
            container.wait(60)
        except subprocess.TimeoutExpired:
            container.kill()


def run(*command: str | Path) -> None:
    """Run a command to its end.

    Raises:
        DemoError: it failed.
    """
    done = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DemoError(f"{command[0]} failed: {last}")
