"""From a blank Debian 12 to the first recorded mark, booted, from the files of a card alone.

Usage, as root, with the packages mmdebstrap and systemd-container:
python -m scripts.boot_drill --folder DIR

DIR keeps the blank root file system, the Debian packages and the bundle between runs. The container
needs no internet, and nothing is typed in it. It has no screen, so cage draws into memory, and the
camera is a clip. Everything else is what a kiosk does.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scripts.assets.samples import people
from scripts.demo import report
from scripts.demo.__main__ import make_clip, students
from scripts.demo.processes import DemoError, Supervisor, console_script
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


@dataclass
class Drill:
    """One run.

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

    def prepare(self) -> None:
        """Make what every run uses: a blank system, packages, bundle."""
        blank = self.folder / "blank"
        if not blank.exists():
            self.story.tell("Making", "a blank Debian 12")
            _run("mmdebstrap", "--variant=minbase", f"--include={_BLANK}", "bookworm", blank)
        if not (self.folder / "debs").exists():
            self._download(blank)
        if not (self.folder / "bundle" / "manifest.json").exists():
            self.story.tell("Making", "the bundle")
            machine = os.uname().machine
            provision = console_script("rollcall-provision")
            options = ("--machine", machine, "--debs", self.folder / "debs")
            _run(provision, "bundle", self.folder / "bundle", *options)

    def _download(self, blank: Path) -> None:
        self.story.tell("Fetching", "Debian packages for the card")
        with tempfile.TemporaryDirectory(dir=self.folder) as scratch:
            copy = Path(scratch) / "root"
            _run("cp", "-a", blank, copy)
            options = ("-qq", "-y", "--no-install-recommends", "--download-only")
            _run("chroot", copy, "apt-get", "-qq", "update")
            _run("chroot", copy, "apt-get", *options, "install", *_PACKAGES)
            found = sorted((copy / "var/cache/apt/archives").glob("*.deb"))
            (self.folder / "debs").mkdir()
            for package in found:
                shutil.copy(package, self.folder / "debs")

    def write_card(self, demo: Demo, clip: Path) -> None:
        """Put a blank system and a prepared boot partition in place."""
        _run("rm", "-rf", self.root)
        _run("cp", "-a", self.folder / "blank", self.root)
        boot = self.root / "boot/firmware"
        boot.mkdir(parents=True)
        (boot / "cmdline.txt").write_text(_COMMAND_LINE)
        (boot / "config.txt").write_text("")
        self.story.write("")
        command = (
            *("image", "--boot", boot, "--hostname", "kiosk-r12", "--time-zone", "Europe/Berlin"),
            *("--server", demo.server_url, "--claim-code", demo.school.claim_code),
            *("--camera", "replay:/var/lib/clip.avi", "--bundle", self.folder / "bundle"),
        )
        _run(console_script("rollcall-provision"), *command)
        self.story.tell("Typed", "1 command: rollcall-provision image …")
        _run("chmod", "-R", "755", boot)  # the partition is FAT, where every file can be run
        shutil.copy(clip, self.root / "var/lib/clip.avi")
        (self.root / "var/lib/clip.avi").chmod(0o644)
        extra = self.root / "etc/systemd/system/rollcall-kiosk.service.d/no-screen.conf"
        extra.parent.mkdir(parents=True)
        extra.write_text(_NO_SCREEN % demo.embedder)

    def first_boot(self) -> None:
        """Boot with the arguments that the card's command line has, until the system stops."""
        words = (self.root / "boot/firmware/cmdline.txt").read_text().split()
        arguments = [word for word in words if word.startswith("systemd.")]
        arguments = [word.replace("=reboot", "=poweroff") for word in arguments]
        started = time.monotonic()
        with self._booted(*arguments) as container, _ended(container):
            container.wait(_INSTALL_S)
        self.times["first boot, until the kiosk is installed"] = time.monotonic() - started
        if not (self.root / "opt/rollcall/bin/rollcall-kiosk").exists():
            log = self.root / "boot/firmware/rollcall/first-boot.log"
            raise DemoError(f"the first boot did not install the kiosk; see {log}")

    def mark(self, demo: Demo) -> dict[str, object]:
        """Boot again, and wait for the first recorded mark; returns the register."""
        started = time.monotonic()
        with self._booted() as container, _ended(container):
            while not report.present_numbers(register := demo.register()):
                if time.monotonic() - started > _MARK_S:
                    raise DemoError("no mark was recorded")
                if container.poll() is not None:
                    raise DemoError("the container has ended")
                time.sleep(0.2)
            self.times["second boot, until the first recorded mark"] = time.monotonic() - started
            self.story.marks(register)
        return register

    def _booted(self, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "boot.log").open("wb")
        command = ["systemd-nspawn", "--register=no", "--keep-unit", "--quiet"]
        return subprocess.Popen(
            [*command, f"--directory={self.root}", "--boot", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


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


def _run(*command: str | Path) -> None:
    done = subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise DemoError(f"{command[0]} failed: {last}")


def main(argv: list[str]) -> int:
    """Run the drill; 0 when a mark was recorded."""
    parser = argparse.ArgumentParser(prog="python -m scripts.boot_drill", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args(argv)
    options.folder.mkdir(parents=True, exist_ok=True)
    story = Story()
    drill = Drill(options.folder.resolve(), story)
    supervisor = Supervisor(options.folder / "drill.log", echo=False)
    ports = {"server": 18000, "ml": 18001, "broker": 11883}
    try:
        drill.prepare()
        with tempfile.TemporaryDirectory(prefix="rollcall-drill-") as scratch:
            demo = Demo(supervisor, Path(scratch), options.folder, ports, embedder="sface-2021dec")
            make_clip(Path(scratch) / "clip.avi", people())
            demo.start_services(story.started)
            demo.open_school()
            demo.switch_liveness_off()
            demo.enrol(students(people()))
            drill.write_card(demo, Path(scratch) / "clip.avi")
            drill.first_boot()
            register = drill.mark(demo)
            story.write(f"\n{report.register_table(register)}\n")
    except DemoError as exc:
        sys.stderr.write(f"boot drill: {exc}\n")
        return 1
    finally:
        supervisor.stop_all()
    story.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, load {os.getloadavg()[0]:.1f}")
    for name, seconds in drill.times.items():
        story.write(f"| {name} | {seconds:.0f} s |")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
