"""`image`: a card from which a blank Pi becomes a kiosk."""

import configparser
import hashlib
import json
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.config import load_settings
from provisioning.cli import main
from provisioning.errors import ProvisioningError
from provisioning.image.card import KioskCard, Wifi
from provisioning.image.contents import System, start_files, wifi_profile
from provisioning.image.parts import copied_parts

COMMAND_LINE = "console=tty1 root=PARTUUID=8a676486-02 rootfstype=ext4 rootwait quiet\n"
DE = ["--wifi-country", "DE"]
SERVER = ["--server", "https://rollcall.example.org", "--claim-code", "7KQ2M9TX"]


@pytest.fixture
def boot(tmp_path: Path) -> Path:
    """The boot partition of Raspberry Pi OS Bookworm, as Imager leaves it."""
    folder = tmp_path / "bootfs"
    folder.mkdir()
    (folder / "cmdline.txt").write_text(COMMAND_LINE)
    (folder / "config.txt").write_text("dtparam=audio=on\n")
    return folder


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Programs and models for the card."""
    folder = tmp_path / "bundle"
    for part in ("wheels", "models"):
        (folder / part).mkdir(parents=True)
    (folder / "requirements.txt").write_text("rollcall==0.1.0\n")
    (folder / "manifest.json").write_text('{"python": "cp311"}')
    (folder / "wheels" / "rollcall.whl").write_bytes(b"wheel")
    (folder / "models" / "face.tflite").write_bytes(b"model")
    return folder


def image(boot: Path, *more: str) -> int:
    """Prepare a card; the programs are on it already."""
    there = boot / "rollcall" / "bundle" / "manifest.json"
    if "--bundle" not in more and boot.name == "bootfs" and not there.exists():
        there.parent.mkdir(parents=True)
        is_trixie = (boot / "user-data").exists()
        there.write_text(json.dumps({"python": "cp313" if is_trixie else "cp311"}))
    return prepare(boot, *more)


def prepare(boot: Path, *more: str) -> int:
    command = ["image", "--boot", str(boot), "--hostname", "kiosk-r12", *SERVER]
    return main([*command, "--time-zone", "Europe/Berlin", *more])


def test_bookworm_runs_the_script_once_and_keeps_its_own_arguments(boot: Path) -> None:
    assert image(boot) == 0

    words = (boot / "cmdline.txt").read_text().split()
    assert words[: len(COMMAND_LINE.split())] == COMMAND_LINE.split()
    assert "systemd.run=/boot/firmware/firstrun.sh" in words
    assert "/boot/firmware/rollcall/first-boot.sh" in (boot / "firstrun.sh").read_text()
    assert not (boot / "user-data").exists()


def test_firstrun_takes_its_arguments_out_again(boot: Path) -> None:
    image(boot)
    script = (boot / "firstrun.sh").read_text().replace("/boot/firmware", str(boot))
    changed = (boot / "cmdline.txt").read_text().replace("/boot/firmware", str(boot))
    (boot / "cmdline.txt").write_text(changed)
    (boot / "rollcall" / "first-boot.sh").write_text("exit 0\n")
    subprocess.run(["bash", "-c", script], check=True)

    assert (boot / "cmdline.txt").read_text().split() == COMMAND_LINE.split()
    assert not (boot / "firstrun.sh").exists()


def test_trixie_runs_it_by_cloud_init(boot: Path) -> None:
    (boot / "user-data").write_text("#cloud-config\n")
    assert image(boot) == 0

    told = (boot / "user-data").read_text()
    assert told.startswith("#cloud-config\n")
    assert "  - [bash, /boot/firmware/rollcall/first-boot.sh]\n" in told
    assert (boot / "cmdline.txt").read_text() == COMMAND_LINE
    assert not (boot / "firstrun.sh").exists()


def test_the_kiosk_accepts_the_settings_on_the_card(boot: Path) -> None:
    assert image(boot, "--camera", "/dev/video2", "--language", "ar") == 0

    settings = load_settings(boot / "rollcall" / "kiosk.toml")
    assert str(settings.server_url).rstrip("/") == "https://rollcall.example.org"
    assert (str(settings.data_dir), settings.camera) == ("/var/lib/rollcall-kiosk", "/dev/video2")
    assert "HOSTNAME_WANTED=kiosk-r12\n" in (boot / "rollcall" / "card.conf").read_text()


def test_again_it_writes_nothing(
    boot: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert image(boot, "--bundle", str(bundle)) == 0
    before = {path: path.stat().st_mtime_ns for path in boot.rglob("*") if path.is_file()}
    capsys.readouterr()

    assert image(boot, "--bundle", str(bundle)) == 0
    assert "prepared already" in capsys.readouterr().out
    assert {path: path.stat().st_mtime_ns for path in boot.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("target", ["--boot", "--layer", "--jetson"])
def test_again_without_a_network_its_password_is_deleted(
    boot: Path, bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], target: str
) -> None:
    folder = boot if target == "--boot" else tmp_path / "folder"
    if target == "--layer":
        (bundle / "manifest.json").write_text('{"python": "cp313"}')
    password = tmp_path / "password"
    password.write_text("correct horse\n")
    command = ["image", target, str(folder), "--hostname", "kiosk-r12", *SERVER]
    command += ["--bundle", str(bundle)]
    wifi = ["--wifi", "School", "--wifi-password-file", str(password), *DE]
    assert main([*command, *wifi]) == 0
    assert list(folder.rglob("school.nmconnection"))
    capsys.readouterr()

    assert main([*command, "--dry-run"]) == 0
    assert "school.nmconnection, left by an earlier run" in capsys.readouterr().out
    assert list(folder.rglob("school.nmconnection"))
    assert main(command) == 0
    assert not list(folder.rglob("school.nmconnection"))


def test_a_damaged_copy_of_the_bundle_is_replaced(boot: Path, bundle: Path) -> None:
    image(boot, "--bundle", str(bundle))
    copied = boot / "rollcall" / "bundle" / "models" / "face.tflite"
    copied.write_bytes(b"mod\0l")
    image(boot, "--bundle", str(bundle))

    assert copied.read_bytes() == b"model"


def test_a_dry_run_writes_nothing_and_hides_secrets(
    boot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = tmp_path / "wifi"
    secret.write_text("correct horse\n")
    image(boot)
    (boot / "rollcall" / "kiosk.toml").unlink()
    before = sorted(boot.rglob("*"))
    assert (
        image(boot, "--wifi", "school", "--wifi-password-file", str(secret), *DE, "--dry-run") == 0
    )

    told = capsys.readouterr().out
    assert "would write rollcall/kiosk.toml" in told
    assert "7KQ2M9TX" not in told
    assert "correct horse" not in told
    assert sorted(boot.rglob("*")) == before


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--hostname", "Kiosk R12"], "cannot be a machine's name"),
        (["--hostname", "r12;reboot"], "cannot be a machine's name"),
        (["--time-zone", "Mars/Olympus"], "there is no time zone"),
        (["--time-zone", "../../etc/shadow"], "there is no time zone"),
        (["--claim-code", "SHORT"], "look at the kiosk's page"),
        (["--wifi", "school"], "--wifi needs --wifi-password-file and --wifi-country"),
        (["--server", "http://rollcall.example.org"], "--allow-plain"),
        (["--server-ca", "/dev/null"], "holds no certificate"),
        (["--bundle", "/nowhere"], "there are no programs yet"),
    ],
    ids=["spaces", "shell", "zone", "path", "code", "wifi", "plain", "authority", "bundle"],
)
def test_what_cannot_be_is_one_sentence_and_nothing_is_written(
    boot: Path, more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(boot.rglob("*"))
    assert prepare(boot, *more) == 1

    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert sorted(boot.rglob("*")) == before


def test_a_country_has_two_capital_letters() -> None:
    with pytest.raises(ProvisioningError, match="two capital letters"):
        Wifi("school", "long enough", "Germany")


def test_a_card_without_programs_is_not_ready(
    boot: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(boot) == 1

    assert "there are no programs yet" in capsys.readouterr().err
    assert not (boot / "firstrun.sh").exists()


def test_programs_for_another_python_are_refused(
    boot: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (boot / "user-data").write_text("#cloud-config\n")
    assert image(boot, "--bundle", str(bundle)) == 1

    error = capsys.readouterr().err
    assert "(trixie) has cp313: make it with `rollcall-provision bundle --python 3.13`" in error


LOCAL = ["--server", "http://127.0.0.1:8000", "--from-server"]


def test_programs_of_the_server_are_named_and_not_copied(
    boot: Path, bundle: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prepare(boot, "--bundle", str(bundle), *LOCAL) == 0

    sha256 = hashlib.sha256((bundle / "manifest.json").read_bytes()).hexdigest()
    conf = (boot / "rollcall" / "card.conf").read_text()
    assert conf.endswith(f"BUNDLE_SHA256={sha256}\nSERVER_URL=http://127.0.0.1:8000\n")
    assert f"downloads the bundle {sha256} from" in capsys.readouterr().out
    assert not (boot / "rollcall" / "bundle").exists()

    assert prepare(boot, "--bundle", str(bundle)) == 0
    assert "BUNDLE_SHA256" not in (boot / "rollcall" / "card.conf").read_text()


@pytest.mark.parametrize(
    ("bundle_python", "more", "words"),
    [
        ("cp313", [], "has cp311: make it with"),
        (None, [], "there are no programs yet"),
        ("cp311", ["--server", "http://rollcall.example.org"], "--allow-plain"),
    ],
)
def test_programs_of_the_server_that_cannot_run_are_refused(
    boot: Path,
    bundle: Path,
    bundle_python: str | None,
    more: list[str],
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    named = bundle if bundle_python is not None else bundle / "nothing"
    (bundle / "manifest.json").write_text(json.dumps({"python": bundle_python}))
    assert prepare(boot, "--bundle", str(named), *LOCAL, *more) == 1

    assert words in capsys.readouterr().err
    assert not (boot / "rollcall").exists()


def test_any_other_folder_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image(tmp_path) == 1
    assert "is not the boot partition of Raspberry Pi OS" in capsys.readouterr().err


def test_a_card_that_is_full_is_named(
    boot: Path,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    usage = shutil.disk_usage(boot)._replace(free=3)
    monkeypatch.setattr("provisioning.image.writing.shutil.disk_usage", lambda _path: usage)
    assert image(boot, "--bundle", str(bundle)) == 1

    assert "MB left, and the bundle needs" in capsys.readouterr().err
    assert not (boot / "rollcall").exists()


def test_json_names_the_files(boot: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert image(boot, "--json") == 0
    told = json.loads(capsys.readouterr().out)

    assert told["ok"] is True
    assert told["system"] == "bookworm"
    assert "rollcall/first-boot.sh" in told["files"]


def test_a_command_line_of_two_lines_is_no_card() -> None:
    card = KioskCard("kiosk-r12", "UTC", 'server_url = "https://rollcall.example.org"\n')
    for text in ("", "one\ntwo\n"):
        with pytest.raises(ProvisioningError, match="not one line"):
            start_files(System.FIRSTRUN, card, text)


_PRINTABLE = st.characters(min_codepoint=0x20, max_codepoint=0x7E)


@given(
    name=st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=8),
    password=st.text(_PRINTABLE, min_size=8, max_size=63),
)
def test_every_wireless_network_survives_its_profile(name: str, password: str) -> None:
    profile = configparser.RawConfigParser(delimiters="=", comment_prefixes=("#",))
    profile.read_string(wifi_profile(Wifi(name, password, "DE")))

    numbers = profile["wifi"]["ssid"].strip(";").split(";")
    assert bytes(map(int, numbers)).decode() == name
    assert _unescaped(profile["wifi-security"]["psk"]) == password


def _unescaped(value: str) -> str:
    """Read a value as GLib does: `\\s` is a space, a doubled backslash one."""
    letters, escaped = "", False
    for letter in value:
        if escaped:
            letters += {"s": " ", "\\": "\\"}[letter]
        elif letter != "\\":
            letters += letter
        escaped = letter == "\\" and not escaped
    return letters


@pytest.mark.parametrize(
    ("name", "password"),
    [("", "long enough"), ("x" * 33, "long enough"), ("a\nb", "long enough"), ("a", "short")],
    ids=["no-name", "long-name", "line-break", "short-password"],
)
def test_no_network_has_such_a_name_or_password(name: str, password: str) -> None:
    with pytest.raises(ProvisioningError, match="wireless network"):
        Wifi(name, password, "DE")


def test_the_script_is_shell_and_the_unit_is_sandboxed(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for name, text in copied_parts().items():
        (tmp_path / name).write_text(text)
    subprocess.run(["bash", "-n", tmp_path / "first-boot.sh"], check=True)
    unit = tmp_path / "rollcall-kiosk.service"
    limit = ["systemd-analyze", "security", "--offline=true", "--threshold=29", str(unit)]
    told = subprocess.run(limit, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout


def test_the_watchdogs_act_before_that_of_a_pi() -> None:
    parts = copied_parts()

    assert "WatchdogSec=12\n" in parts["rollcall-kiosk.service"]
    assert "RuntimeWatchdogSec=14\n" in parts["rollcall-watchdog.conf"]


def test_settings_are_toml_with_nothing_of_this_machine(boot: Path, tmp_path: Path) -> None:
    image(boot)
    text = (boot / "rollcall" / "kiosk.toml").read_text()

    assert str(tmp_path) not in text
    assert set(tomllib.loads(text)) == {"server_url", "claim_code", "data_dir"}
