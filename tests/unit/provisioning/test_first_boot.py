"""The script of the first boot: what it does where something fails, and at its next run."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.blank_machine import STAND_IN, Blank, blank_machine, program


@pytest.fixture
def blank(tmp_path: Path) -> Blank:
    """A card in a machine, with everything that it needs."""
    return blank_machine(tmp_path)


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
    program(
        blank.root / "bin/systemctl",
        STAND_IN + '[ "$1 $3" != "disable rollcall-first-boot.service" ] || exit 1\n',
    )
    assert blank.boot() == 1
    assert not (blank.card / "kiosk.toml").exists()
    assert blank.retry.exists()

    program(blank.root / "bin/systemctl", STAND_IN)
    assert blank.boot() == 0
    assert "7KQ2M9TX" in (blank.root / "etc/rollcall/kiosk.toml").read_text()


@pytest.mark.parametrize("read_only", ["", "yes"])
def test_systemd_never_reads_its_units_without_the_one_that_runs_the_script(
    blank: Blank, read_only: str
) -> None:
    """Without the file its limit of time falls back to 90 s, and systemd kills the script."""
    (blank.root / "dev/disk/by-label").mkdir(parents=True)
    (blank.root / "dev/disk/by-label/rollcall-data").touch()
    reads = "case $1 in daemon-reload | enable | disable | reenable) ;; *) exit 0 ;; esac\n"
    look = f'[ -e "{blank.retry}" ] || printf "%s\\n" "$*" >>"$CALLS.lost"\n'
    program(blank.root / "bin/systemctl", f"{STAND_IN}{reads}{look}")
    assert blank.boot(READ_ONLY=read_only) == 0

    assert not (blank.root / "calls.lost").exists()
    assert not blank.retry.exists()
    started = "systemctl --no-block reboot" if read_only else "start rollcall-kiosk.service"
    assert blank.calls[-1].endswith(started)


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


@pytest.mark.parametrize("conf", ["", f"BUNDLE_SHA256={'a' * 64}\nSERVER_URL=https://school\n"])
def test_systemd_accepts_the_unit_that_tries_again(blank: Blank, conf: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    with (blank.card / "card.conf").open("a") as file:
        file.write(conf)
    blank.fail("dpkg")
    blank.boot()
    command = ["systemd-analyze", "verify", "--man=no", str(blank.retry)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (told.returncode, told.stderr) == (0, "")
    assert ("Restart=on-failure" in blank.retry.read_text()) is bool(conf)
