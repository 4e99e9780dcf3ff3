"""A machine whose tools note what they are asked for, and a card in it with the real script."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from provisioning.image.parts import copied_parts

SYSTEM_FOLDERS = ("/etc", "/opt/rollcall", "/var/lib", "/usr/sbin", "/dev/tty1", "/dev/disk")
TOOLS = (
    *("cage", "seatd", "dpkg", "systemctl", "hostname", "getent", "groupadd", "useradd"),
    *("usermod", "rfkill", "nmcli", "raspi-config", "sync", "id", "python3", "overlayroot-chroot"),
)
#: Notes the call, and fails where a file with its name lies in the folder of failures.
STAND_IN = """#!/bin/bash
printf '%s\\n' "${0##*/} $*" >>"$CALLS"
[ "${0##*/}" != sync ] || ls "$CARD" >"$CALLS.sync"
[ ! -e "$FAILURES/${0##*/}" ] || exit 1
"""
#: `install` without owners, which only root may set.
INSTALL = """#!/bin/bash
words=()
while [ $# -gt 0 ]; do case $1 in -o | -g) shift 2 ;; *) words+=("$1"); shift ;; esac; done
exec /usr/bin/install "${words[@]}"
"""


@dataclass(frozen=True)
class Blank:
    """A machine whose tools note what they are asked for.

    Attributes:
        root: its file system.
        card: the folder of the card.
    """

    root: Path
    card: Path

    def move_in(self) -> None:
        """Let the scripts of the card mean this machine where they name folders of a system."""
        for path in (self.card / name for name in copied_parts()):
            text = path.read_text() if path.exists() else ""
            if text and str(self.root) not in text:
                for folder in SYSTEM_FOLDERS:
                    text = text.replace(folder, f"{self.root}{folder}")
                path.write_text(text)

    def boot(self, **more: str) -> int:
        """Run the script with further variables; returns its exit status."""
        env = {
            **more,
            "PATH": f"{self.root / 'bin'}:{os.defpath}",
            "CALLS": str(self.root / "calls"),
            "FAILURES": str(self.root / "failures"),
            "CARD": str(self.card),
        }
        script = ["bash", str(self.card / "first-boot.sh")]
        return subprocess.run(script, env=env, check=False, timeout=60).returncode

    def fail(self, tool: str, *, fails: bool = True) -> None:
        """Make a tool fail from now on, or work again."""
        path = self.root / "failures" / tool
        path.touch() if fails else path.unlink()

    @property
    def retry(self) -> Path:
        """The unit that runs the script at each start."""
        return self.root / "etc/systemd/system/rollcall-first-boot.service"

    @property
    def calls(self) -> list[str]:
        """What tools were asked for."""
        path = self.root / "calls"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def log(self) -> str:
        """What the card says."""
        return (self.card / "first-boot.log").read_text()


def blank_machine(tmp_path: Path) -> Blank:
    """Make a machine and a card that has everything that it needs."""
    found = Blank(tmp_path, tmp_path / "bootfs" / "rollcall")
    for folder in ("bin", "failures", "etc/systemd/system", "opt/rollcall/bin", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("debs", "wheels", "models"):
        (found.card / "bundle" / folder).mkdir(parents=True)
    (found.card / "bundle/debs/cage.deb").touch()
    (found.card / "bundle/models/face.tflite").touch()
    (found.card / "../cmdline.txt").resolve().write_text("console=tty1 rootwait\n")
    for name, text in copied_parts().items():
        (found.card / name).write_text(text)
    found.move_in()
    (found.card / "card.conf").write_text("HOSTNAME_WANTED=kiosk-r12\nTIME_ZONE=UTC\n")
    (found.card / "kiosk.toml").write_text('claim_code = "7KQ2M9TX"\n')
    for folder, tools in (("bin", TOOLS), ("opt/rollcall/bin", ("python", "rollcall-provision"))):
        for tool in tools:
            program(tmp_path / folder / tool, STAND_IN)
    program(tmp_path / "bin/install", INSTALL)
    for name in ("hosts", "fstab"):
        (tmp_path / "etc" / name).touch()
    return found


def program(path: Path, text: str) -> None:
    """Write a script that can be run."""
    path.write_text(text)
    path.chmod(0o755)
