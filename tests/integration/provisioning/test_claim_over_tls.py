"""From the technician's command to a claimed kiosk, over TLS with the school's own authority."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from provisioning.cli import main
from tests.support.authorities import Authority
from tests.support.ports import free_port
from tests.support.processes import BIN, running

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
SCHOOL = Authority("School")
ATTACKER = Authority("School")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The address of a real server with a certificate, and a folder with `ca.pem`."""
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    url, ca = f"https://127.0.0.1:{port}", folder / "ca.pem"
    ca.write_text(SCHOOL.pem)
    (folder / "other.pem").write_text(ATTACKER.pem)
    files = [str(path) for path in SCHOOL.leaf().write(folder)]
    http = requests.Session()
    http.trust_env, http.verify = False, str(ca)
    http.headers["X-Requested-With"] = "rollcall"
    with running(
        [sys.executable, "-m", "tests.support.tls_server", *files],
        log_path=folder / "server.log",
        ready=lambda: _is_up(http, url),
        env={
            "PYTHONPATH": str(ROOT),
            "ROLLCALL_SERVER_DATA_DIR": str(folder / "data"),
            "ROLLCALL_SERVER_PORT": str(port),
            "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        },
    ):
        password = (folder / "data" / "admin-password.txt").read_text().strip()
        (folder / "password").write_text(password)
        signed_in = {"username": "admin", "password": password}
        http.post(f"{url}/api/v1/sign-in", json=signed_in).raise_for_status()
        http.post(f"{url}/api/v1/rooms", json={"name": "R12"}).raise_for_status()
        http.close()
        yield url, folder


def _is_up(http: requests.Session, url: str) -> bool:
    try:
        return http.get(f"{url}/health", timeout=2).ok
    except requests.ConnectionError:
        return False


def provision(url: str, folder: Path, ca: str, file: Path) -> int:
    account = ["--username", "admin", "--password-file", str(folder / "password")]
    kiosk = ["--name", "Door", "--room", "R12", "--write", "--file", str(file)]
    data = ["--data-dir", str(file.parent / "kiosk")]
    named = ["--server", url, "--server-ca", str(folder / ca)]
    return main(["claim", *account, *kiosk, *data, *named])


def kiosk(command: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "rollcall-kiosk"), command, "--config", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_kiosk_is_claimed_over_tls(place: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = place
    file = tmp_path / "kiosk.toml"

    assert provision(url, folder, "ca.pem", file) == 0
    claimed, status = kiosk("claim", file), kiosk("status", file)

    assert claimed.returncode == 0, claimed.stderr
    assert "tls      server: encrypted, certificate checked" in status.stdout


def test_another_authority_of_the_same_name_gets_nothing(
    place: tuple[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url, folder = place

    assert provision(url, folder, "other.pem", tmp_path / "kiosk.toml") == 1
    assert "Nothing secret was sent." in capsys.readouterr().err
