"""The script of the first boot: what it does where something fails, and at its next run."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

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

    def boot(self) -> int:
        """Run the script; returns its exit status."""
        env = {
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


@pytest.fixture
def blank(tmp_path: Path) -> Blank:
    """A card in a machine, with everything that it needs."""
    found = Blank(tmp_path, tmp_path / "bootfs" / "rollcall")
    for folder in ("bin", "failures", "etc/systemd/system", "opt/rollcall/bin", "var/lib"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("debs", "wheels", "models"):
        (found.card / "bundle" / folder).mkdir(parents=True)
    (found.card / "bundle/debs/cage.deb").touch()
    (found.card / "bundle/models/face.tflite").touch()
    (found.card / "../cmdline.txt").resolve().write_text("console=tty1 rootwait\n")
    for name, text in copied_parts().items():
        for folder in SYSTEM_FOLDERS:
            text = text.replace(folder, f"{tmp_path}{folder}")  # noqa: PLW2901
        (found.card / name).write_text(text)
    (found.card / "card.conf").write_text("HOSTNAME_WANTED=kiosk-r12\nTIME_ZONE=UTC\n")
    (found.card / "kiosk.toml").write_text('claim_code = "7KQ2M9TX"\n')
    for folder, tools in (("bin", TOOLS), ("opt/rollcall/bin", ("python", "rollcall-provision"))):
        for tool in tools:
            _program(tmp_path / folder / tool, STAND_IN)
    _program(tmp_path / "bin/install", INSTALL)
    for name in ("hosts", "fstab"):
        (tmp_path / "etc" / name).touch()
    return found


def _program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def test_it_installs_the_kiosk_and_leaves_no_secret(blank: Blank) -> None:
    assert blank.boot() == 0

    assert "7KQ2M9TX" in (blank.root / "etc/rollcall/kiosk.toml").read_text()
    assert not (blank.card / "kiosk.toml").exists()
    assert not blank.retry.exists()
    assert blank.calls[-1] == "systemctl --no-block start rollcall-kiosk.service"
    assert "Installed." in blank.log
    assert (blank.root / "etc/polkit-1/rules.d/60-rollcall-network.rules").exists()
    assert (blank.root / "etc/hosts").read_text() == "127.0.1.1\tkiosk-r12\n"


@pytest.mark.parametrize(
    ("tool", "words"),
    [
        ("dpkg", "the packages on the card cannot be installed"),
        ("useradd", "failed. See first-boot.log"),
        ("python", "the programs on the card are damaged or made for another Python"),
        ("rollcall-provision", "files on the card are damaged or missing"),
    ],
)
def test_a_failure_is_named_and_the_next_start_tries_again(
    blank: Blank, tool: str, words: str
) -> None:
    blank.fail("id")  # there is no such account yet
    blank.fail(tool)
    assert blank.boot() == 1

    assert words in blank.log
    assert "7KQ2M9TX" not in blank.log
    assert blank.retry.exists()
    assert "systemctl enable --quiet rollcall-first-boot.service" in blank.calls
    assert (blank.card / "kiosk.toml").exists()
    assert not any("start rollcall-kiosk" in call for call in blank.calls)

    blank.fail(tool, fails=False)
    assert blank.boot() == 0
    assert not blank.retry.exists()


def test_packages_that_a_power_cut_left_half_installed_are_set_up_first(blank: Blank) -> None:
    blank.boot()
    asked = [call for call in blank.calls if call.startswith("dpkg")]

    assert asked[0] == "dpkg --configure --pending"
    assert asked[1].startswith("dpkg --install")


def test_a_missing_tool_is_named(blank: Blank) -> None:
    (blank.root / "bin/seatd").unlink()
    assert blank.boot() == 1
    assert "seatd is missing; make the bundle with --debs" in blank.log


def test_a_card_without_settings_is_named(blank: Blank) -> None:
    (blank.card / "kiosk.toml").unlink()
    assert blank.boot() == 1
    assert "the settings kiosk.toml are missing" in blank.log


def test_settings_are_on_the_disk_before_they_leave_the_card(blank: Blank) -> None:
    blank.boot()

    assert "kiosk.toml" in (blank.root / "calls.sync").read_text()


def test_a_cut_after_the_secrets_went_ends_well(blank: Blank) -> None:
    """They go before the retry does, so the retry runs without them."""
    _program(
        blank.root / "bin/systemctl",
        STAND_IN + '[ "$1 $3" != "disable rollcall-first-boot.service" ] || exit 1\n',
    )
    assert blank.boot() == 1
    assert not (blank.card / "kiosk.toml").exists()
    assert blank.retry.exists()

    _program(blank.root / "bin/systemctl", STAND_IN)
    assert blank.boot() == 0
    assert "7KQ2M9TX" in (blank.root / "etc/rollcall/kiosk.toml").read_text()


def test_a_card_that_takes_no_log_still_installs(blank: Blank) -> None:
    """A folder in its place refuses root too, as a read-only card does."""
    blank.root.joinpath("etc/rollcall").mkdir()
    script = blank.card / "first-boot.sh"
    text = script.read_text().replace('tee -a "$here/first-boot.log"', "tee -a /nowhere/log")
    script.write_text(text)
    assert blank.boot() == 0


def read_only(blank: Blank) -> None:
    conf = blank.card / "card.conf"
    conf.write_text(conf.read_text() + "READ_ONLY=yes\n")


def test_a_read_only_system_keeps_records_on_their_own_partition(blank: Blank) -> None:
    read_only(blank)
    label = blank.root / "dev/disk/by-label/rollcall-data"
    label.parent.mkdir(parents=True)
    label.touch()
    assert blank.boot() == 0
    (blank.card / "kiosk.toml").touch()
    assert blank.boot() == 0

    fstab = (blank.root / "etc/fstab").read_text()
    assert fstab.startswith(f"LABEL=rollcall-data {blank.root}/var/lib/rollcall-kiosk ext4 ")
    assert fstab.count("\n") == 1
    command_line = (blank.card.parent / "cmdline.txt").read_text()
    assert command_line == "console=tty1 rootwait overlayroot=tmpfs:recurse=0\n"
    assert blank.calls[-1] == "systemctl --no-block reboot"


@pytest.mark.parametrize(
    ("missing", "words"),
    [("partition", "has the label rollcall-data"), ("program", "overlayroot is missing")],
)
def test_a_system_that_cannot_be_read_only_says_why(blank: Blank, missing: str, words: str) -> None:
    read_only(blank)
    if missing == "program":
        (blank.root / "bin/overlayroot-chroot").unlink()
    assert blank.boot() == 1
    assert words in blank.log
    assert (blank.card.parent / "cmdline.txt").read_text() == "console=tty1 rootwait\n"
