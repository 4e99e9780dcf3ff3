"""From a card that names a bundle to an installed kiosk, over TLS: `image` and the first boot."""

import json
import os
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from provisioning.bundling.folder import digest, write_manifest
from provisioning.bundling.lock import TARGETS
from provisioning.cli import main
from tests.integration.kiosk.real_school import PASSWORD
from tests.support.authorities import Authority
from tests.support.blank_machine import Blank, blank_machine, program
from tests.support.certificates import school
from tests.support.cut_line import cut_line
from tests.support.ports import free_port
from tests.support.processes import BIN, running
from tests.support.small_disk import small_disk

pytestmark = pytest.mark.integration
#: The name of a package with an epoch, as apt writes it.
DEB = "debs/cage_1%3a0.1_arm64.deb"
MODEL = "models/face.tflite"
MODEL_BYTES = 3_000_000


@dataclass(frozen=True)
class SecureServer:
    """A running server, and the folder from which it offers bundles."""

    port: int
    bundles: Path
    authority: Path
    http: requests.Session

    @property
    def url(self) -> str:
        """Its address."""
        return f"https://127.0.0.1:{self.port}"

    def post(self, path: str, body: object) -> dict[str, str]:
        """Ask the API as the admin."""
        answer = self.http.post(f"{self.url}/api/v1{path}", json=body)
        answer.raise_for_status()
        found: dict[str, str] = answer.json() if answer.content else {}
        return found

    def add(self, name: str, python: str, *, seed: int = 1) -> Path:
        """Put a bundle into the server's folder."""
        folder, numbers = self.bundles / name, random.Random(seed)
        paths = {"requirements.txt", "wheels/rollcall-0.1.0-py3-none-any.whl", MODEL, DEB}
        for path in paths:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            size_bytes = MODEL_BYTES if path == MODEL else 2000
            (folder / path).write_bytes(numbers.randbytes(size_bytes))
        write_manifest(folder, "0.1.0", TARGETS[python], paths)
        return folder


@pytest.fixture(scope="module")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    folder, port = tmp_path_factory.mktemp("served"), free_port()
    authority = school(folder / "data").authorities
    http = requests.Session()
    http.trust_env, http.verify = False, str(authority)
    http.headers["X-Requested-With"] = "rollcall"
    found = SecureServer(port, folder / "bundles", authority, http)
    with running(
        [str(BIN / "rollcall-server"), "serve"],
        log_path=folder / "server.log",
        ready=lambda: _is_up(found),
        env={
            "ROLLCALL_SERVER_DATA_DIR": str(folder / "data"),
            "ROLLCALL_SERVER_PORT": str(port),
            "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
            "ROLLCALL_SERVER_BUNDLES_DIR": str(found.bundles),
        },
    ):
        one_time = (folder / "data" / "admin-password.txt").read_text().strip()
        found.post("/sign-in", {"username": "admin", "password": one_time})
        found.post("/sign-in/password", {"old": one_time, "new": PASSWORD})
        yield found
        http.close()


def _is_up(server: SecureServer) -> bool:
    try:
        return server.http.get(f"{server.url}/health", timeout=5).ok
    except requests.RequestException:
        return False


@pytest.fixture
def server(running_server: SecureServer) -> SecureServer:
    """A server that offers nothing yet."""
    shutil.rmtree(running_server.bundles, ignore_errors=True)
    return running_server


@dataclass(frozen=True)
class Door:
    """A kiosk that the server waits for, and the blank machine with its card."""

    server: SecureServer
    machine: Blank
    kiosk_id: str
    claim_code: str

    def prepare(self, *more: str, port: int = 0, authority: Path | None = None) -> int:
        """Write the card, as a technician does."""
        url = f"https://127.0.0.1:{port or self.server.port}"
        trusted = ["--server-ca", str(authority or self.server.authority)]
        words = ["--hostname", "kiosk-r12", "--server", url, "--claim-code", self.claim_code]
        boot = ["--boot", str(self.machine.card.parent), "--from-server"]
        status = main(["image", *boot, *words, *trusted, *more])
        self.machine.move_in()
        return status

    def boot(self) -> int:
        """Let the unit run the script once, which gives up soon."""
        return self.machine.boot(BOOT_UNIT="yes", FETCH_TRIES="2")

    @property
    def download(self) -> Path:
        """What has come so far."""
        return self.machine.root / "var/lib/rollcall-download"

    @property
    def installed(self) -> list[str]:
        """The Debian packages that were installed as root."""
        calls = [call for call in self.machine.calls if call.startswith("dpkg --install")]
        return [word for call in calls for word in call.split() if word.endswith(".deb")]


@pytest.fixture
def door(server: SecureServer, tmp_path: Path) -> Door:
    machine = blank_machine(tmp_path)
    shutil.rmtree(machine.card)
    (machine.card.parent / "config.txt").touch()
    program(machine.root / "bin/python3", f'#!/bin/bash\nexec {_python()} "$@"\n')
    check = f'#!/bin/bash\n[ "$1" != bundle ] || exec {BIN}/rollcall-provision "$@"\n'
    program(machine.root / "opt/rollcall/bin/rollcall-provision", check)
    room = server.post("/rooms", {"name": f"R{random.getrandbits(40)}"})
    body = {"name": f"Door of {room['id']}", "room_id": room["id"]}
    kiosk = server.post("/kiosks", body)
    return Door(server, machine, kiosk["id"], kiosk["claim_code"])


def _python() -> Path:
    """The Python of the system, without any package of ours."""
    return Path(sys.executable).resolve()


def test_the_newest_bundle_of_the_cards_python_is_downloaded_and_installed(door: Door) -> None:
    wanted = door.server.add("kiosks-3.11", "3.11", seed=1)
    older = door.server.add("kiosks-3.11-older", "3.11", seed=2)
    door.server.add("kiosks-3.13", "3.13", seed=3)
    os.utime(older / "manifest.json", (1, 1))
    assert door.prepare() == 0
    conf = (door.machine.card / "card.conf").read_text()
    assert f"BUNDLE_SHA256={digest(wanted / 'manifest.json')}\n" in conf
    assert not (door.machine.card / "bundle").exists()

    assert door.boot() == 0
    assert door.installed == [f"{door.download}/bundle/{DEB}"]
    kept = door.machine.root / "var/lib/rollcall-assets/models/face.tflite"
    assert kept.read_bytes() == (wanted / MODEL).read_bytes()
    assert "is whole: 4 files" in door.machine.log
    assert "Downloaded 3 of 3 MB." in door.machine.log
    assert door.claim_code not in door.machine.log
    assert not door.download.exists()
    assert not door.machine.retry.exists()
    assert not (door.machine.card / "kiosk.toml").exists()


def test_trixie_gets_the_bundle_of_its_python(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.server.add("kiosks-3.11", "3.11")
    (door.machine.card.parent / "user-data").touch()
    assert door.prepare() == 1
    assert "offers no bundle for Python 3.13" in capsys.readouterr().err
    wanted = door.server.add("kiosks-3.13", "3.13")
    assert door.prepare() == 0

    conf = (door.machine.card / "card.conf").read_text()
    assert f"BUNDLE_SHA256={digest(wanted / 'manifest.json')}\n" in conf


def test_the_first_run_joins_the_network_and_leaves_the_download_to_the_unit(
    door: Door, tmp_path: Path
) -> None:
    door.server.add("kiosks", "3.11")
    (tmp_path / "wifi").write_text("correct horse\n")
    wifi = ["--wifi", "School", "--wifi-password-file", str(tmp_path / "wifi")]
    assert door.prepare(*wifi, "--wifi-country", "DE") == 0
    assert door.machine.boot() == 0

    profile = door.machine.root / "etc/NetworkManager/system-connections/school.nmconnection"
    assert profile.exists()
    assert door.machine.calls[-1] == "systemctl --no-block start rollcall-first-boot.service"
    assert not door.download.exists()
    unit = door.machine.retry.read_text()
    assert "After=network-online.target\n" in unit
    assert "Restart=on-failure\n" in unit
    assert "Environment=BOOT_UNIT=yes\n" in unit


def test_a_download_that_breaks_off_goes_on_where_it_ended(door: Door) -> None:
    bundle = door.server.add("kiosks", "3.11")
    with cut_line(door.server.port) as line:
        assert door.prepare("--bundle", str(bundle), port=line.port) == 0
        line.cuts += [2_000_000, 500_000]
        assert door.boot() == 0

    assert not line.cuts
    assert MODEL_BYTES < sum(line.received) < MODEL_BYTES + 500_000
    assert door.installed


def test_after_a_power_cut_what_is_there_stays_and_what_is_damaged_comes_again(door: Door) -> None:
    bundle = door.server.add("kiosks", "3.11")
    with cut_line(door.server.port) as line:
        assert door.prepare("--bundle", str(bundle), port=line.port) == 0
        line.cuts += [2_000_000, 10, 10]
        assert door.boot() == 1
        assert "does not answer" in door.machine.log
        part = door.download / "parts" / digest(bundle / MODEL)
        assert part.stat().st_size > 1_000_000
        part.write_bytes(bytes(part.stat().st_size))  # as a file system may leave it
        assert door.boot() == 0

    assert door.installed


@pytest.mark.parametrize("changed", [MODEL, DEB, "manifest.json"])
def test_another_file_than_that_of_the_card_is_never_used(door: Door, changed: str) -> None:
    path = door.server.add("kiosks", "3.11") / changed
    assert door.prepare() == 0
    right = path.read_bytes()
    path.write_bytes(right[:-9] + b"malicious"[: len(right)])
    assert door.boot() == 1

    words = "does not offer the bundle of this card" if changed == "manifest.json" else changed
    assert words in door.machine.log
    assert "It is tried again in two minutes." in door.machine.log
    assert not door.installed
    assert not any("pip" in call for call in door.machine.calls)
    assert door.machine.retry.exists()

    path.write_bytes(right)
    assert door.boot() == 0
    assert door.installed


def test_a_server_without_the_bundle_is_named(door: Door) -> None:
    bundle = door.server.add("kiosks", "3.11")
    assert door.prepare() == 0
    shutil.rmtree(bundle)
    assert door.boot() == 1

    assert "does not offer the bundle of this card" in door.machine.log
    assert not door.installed


def test_a_file_that_the_bundle_on_the_server_lacks_is_named(door: Door) -> None:
    bundle = door.server.add("kiosks", "3.11")
    assert door.prepare() == 0
    (bundle / MODEL).unlink()
    assert door.boot() == 1

    assert f"lacks {MODEL}" in door.machine.log


def test_a_download_that_is_killed_is_named(door: Door) -> None:
    door.server.add("kiosks", "3.11")
    assert door.prepare() == 0
    program(door.machine.root / "bin/python3", "#!/bin/bash\nkill -9 $$\n")
    assert door.boot() == 1

    assert "could not be installed: the download was stopped. It is tried" in door.machine.log


def test_a_server_that_is_away_is_named(door: Door) -> None:
    bundle = door.server.add("kiosks", "3.11")
    assert door.prepare("--bundle", str(bundle), port=free_port()) == 0
    assert door.boot() == 1

    assert "does not answer; check the network and the server" in door.machine.log


def test_a_server_with_a_foreign_certificate_gets_no_claim_code(door: Door, tmp_path: Path) -> None:
    bundle = door.server.add("kiosks", "3.11")
    (tmp_path / "other.pem").write_text(Authority("Another school").pem)
    assert door.prepare("--bundle", str(bundle), authority=tmp_path / "other.pem") == 0
    assert door.boot() == 1

    assert "is not trusted: the card does not know its authority" in door.machine.log


def test_a_claim_code_that_was_replaced_is_named(door: Door) -> None:
    door.server.add("kiosks", "3.11")
    assert door.prepare() == 0
    door.server.post(f"/kiosks/{door.kiosk_id}/claim-codes", {})
    assert door.boot() == 1

    assert "the claim code of this card does not work any more" in door.machine.log
    assert not door.installed


def test_a_disk_that_is_too_small_is_named(door: Door) -> None:
    door.server.add("kiosks", "3.11")
    assert door.prepare() == 0
    with small_disk(door.machine.root / "var/lib"):
        assert door.boot() == 1

    assert "the disk is too full: 3 MB are free" in door.machine.log
    assert "use a larger card" in door.machine.log


def test_a_cut_after_the_secrets_went_needs_no_server_any_more(door: Door) -> None:
    bundle = door.server.add("kiosks", "3.11")
    assert door.prepare() == 0
    stop = '[ "$1 $3" != "disable rollcall-first-boot.service" ] || exit 1\n'
    systemctl = door.machine.root / "bin/systemctl"
    text = systemctl.read_text()
    program(systemctl, text + stop)
    assert door.boot() == 1
    assert not (door.machine.card / "kiosk.toml").exists()

    program(systemctl, text)
    shutil.rmtree(bundle)
    assert door.boot() == 0
    assert not door.download.exists()


def test_files_of_another_bundle_are_deleted_before_anything_is_installed(door: Door) -> None:
    door.server.add("kiosks", "3.11")
    assert door.prepare() == 0
    left = door.download / "bundle/debs/left.deb"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"another")
    assert door.boot() == 0

    assert [Path(path).name for path in door.installed] == [Path(DEB).name]


def test_a_dry_run_names_the_bundle_and_writes_nothing(
    door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = door.server.add("kiosks", "3.11")
    assert main(["image", *_card(door), "--dry-run"]) == 0
    told = capsys.readouterr().out
    assert "would write rollcall/fetch_bundle.py:" in told
    assert f"  BUNDLE_SHA256={digest(bundle / 'manifest.json')}" in told
    assert door.claim_code not in told
    assert not door.machine.card.exists()

    assert main(["image", *_card(door), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["bundle_sha256"] == digest(bundle / "manifest.json")


@pytest.mark.parametrize(
    ("claim_code", "words"),
    [(None, "--from-server needs --claim-code"), ("7KQ2M9TX", "this claim code does not work")],
)
def test_the_server_names_its_bundles_for_a_claim_code_alone(
    door: Door, claim_code: str | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    door.server.add("kiosks", "3.11")
    command = [one for one in _card(door) if one not in ("--claim-code", door.claim_code)]
    assert main(["image", *command, *(["--claim-code", claim_code] if claim_code else [])]) == 1

    assert words in capsys.readouterr().err
    assert not door.machine.card.exists()


def _card(door: Door) -> list[str]:
    code = ["--claim-code", door.claim_code, "--server", door.server.url]
    trusted = ["--server-ca", str(door.server.authority), "--hostname", "kiosk-r12"]
    return ["--boot", str(door.machine.card.parent), "--from-server", *code, *trusted]
