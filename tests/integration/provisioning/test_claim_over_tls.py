"""From the technician's command to a claimed kiosk, over TLS with the school's own authority."""

import subprocess
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from protocol.v1.trust import ca_fingerprint
from provisioning.cli import main
from tests.integration.kiosk.real_school import PASSWORD
from tests.support.authorities import Authority
from tests.support.certificates import school
from tests.support.ports import free_port
from tests.support.processes import BIN, running

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class SecureSchool:
    """A running server with certificates that it made."""

    url: str
    folder: Path
    fingerprint: str

    def provision(self, fingerprint: str, file: Path) -> int:
        account = ["--username", "admin", "--password-file", str(self.folder / "password")]
        kiosk = ["--name", "Door", "--room", "R12", "--write", "--file", str(file)]
        data = ["--data-dir", str(file.parent / "kiosk")]
        return main(
            ["claim", "--server", self.url, "--fingerprint", fingerprint, *account, *kiosk, *data]
        )


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureSchool]:
    folder, port = tmp_path_factory.mktemp("tls"), free_port()
    authorities = school(folder / "data").authorities
    url = f"https://127.0.0.1:{port}"
    http = requests.Session()
    http.trust_env, http.verify = False, str(authorities)
    http.headers["X-Requested-With"] = "rollcall"
    with running(
        [str(BIN / "rollcall-server"), "serve"],
        log_path=folder / "server.log",
        ready=lambda: _is_up(http, url),
        env={
            "ROLLCALL_SERVER_DATA_DIR": str(folder / "data"),
            "ROLLCALL_SERVER_PORT": str(port),
            "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        },
    ):
        one_time = (folder / "data" / "admin-password.txt").read_text().strip()
        for path, body in (
            ("/sign-in", {"username": "admin", "password": one_time}),
            ("/sign-in/password", {"old": one_time, "new": PASSWORD}),
            ("/rooms", {"name": "R12"}),
        ):
            http.post(f"{url}/api/v1{path}", json=body).raise_for_status()
        http.close()
        (folder / "password").write_text(PASSWORD)
        yield SecureSchool(url, folder, ca_fingerprint(authorities.read_text()))


def _is_up(http: requests.Session, url: str) -> bool:
    try:
        return http.get(f"{url}/health", timeout=5).ok
    except requests.RequestException:
        return False


def kiosk(command: str, file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BIN / "rollcall-kiosk"), command, "--config", str(file)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_kiosk_is_claimed_over_tls_by_the_fingerprint(
    secure: SecureSchool, tmp_path: Path
) -> None:
    file = tmp_path / "kiosk.toml"

    assert secure.provision(secure.fingerprint, file) == 0
    claimed, status = kiosk("claim", file), kiosk("status", file)

    assert tomllib.loads(file.read_text())["server_ca_fingerprint"] == secure.fingerprint
    assert claimed.returncode == 0, claimed.stderr
    assert "tls      server: encrypted, certificate checked" in status.stdout
    assert "tls      broker: encrypted, certificate checked" in status.stdout


def test_another_authority_of_the_same_name_gets_nothing(
    secure: SecureSchool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = ca_fingerprint(Authority("School").pem)

    assert secure.provision(other, tmp_path / "kiosk.toml") == 1
    assert "Nothing secret was sent." in capsys.readouterr().err
