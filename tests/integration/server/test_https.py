"""The server over HTTPS, as the process that it is: trust, cookies, an ended certificate."""

import json
import ssl
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from http.client import HTTPSConnection
from pathlib import Path

import pytest

from protocol.v1.fields import parse_message
from protocol.v1.messages import TrustOffer
from protocol.v1.trust import ca_fingerprint
from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder
from server.db.types import now
from tests.support.certificates import ended, ended_leaf, school, shown_serial, trusting
from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, Process, running
from tests.support.signed_answers import WITH_NONCE
from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration
ANY = "0.0.0.0"


class SecureServer:
    """A running server whose certificate had ended when it was started."""

    def __init__(self, port: int, folder: CertificateFolder, process: Process) -> None:
        self.port = port
        self.folder = folder
        self.process = process

    def get(self, path: str, **headers: str) -> tuple[dict[str, str], bytes]:
        url = f"https://127.0.0.1:{self.port}{path}"
        request = urllib.request.Request(url, headers=headers)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=trusting(self.folder)),
        )
        with opener.open(request, timeout=20) as answer:
            return dict(answer.headers), answer.read()

    def serial(self) -> str:
        try:
            return shown_serial(self.port, trusting(self.folder))
        except ssl.SSLCertVerificationError:
            return ""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureServer]:
    place = tmp_path_factory.mktemp("https")
    folder, port = ended(place / "data"), free_port()
    environment = {
        "ROLLCALL_SERVER_DATA_DIR": str(place / "data"),
        "ROLLCALL_SERVER_HOST": ANY,
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_ENROLMENT_WORKERS": "0",
    }
    with running(
        [str(BIN / "rollcall-server"), "serve"],
        log_path=place / "server.log",
        env=environment,
        ready=lambda: is_listening(port),
    ) as process:
        yield SecureServer(port, folder, process)


def test_kiosk_learns_the_authority_that_signs_and_may_compare_it(server: SecureServer) -> None:
    headers, body = server.get("/api/v1/devices/trust", **WITH_NONCE)
    offer = parse_message(TrustOffer, body)
    assert offer.ca_pem is not None
    assert ca_fingerprint(offer.ca_pem) == ca_fingerprint(server.folder.authorities.read_text())
    ssl.create_default_context(cadata=offer.ca_pem)
    assert "x-rollcall-signature" in {name.lower() for name in headers}


def test_cookies_and_pages_are_for_https_alone(server: SecureServer) -> None:
    headers, _ = server.get("/sign-in")
    assert headers["strict-transport-security"] == "max-age=604800"
    with closing(HTTPSConnection("127.0.0.1", server.port, context=trusting(server.folder))) as it:
        it.request("POST", "/preferences", "language=ar", _FORM)
        assert "; Secure" in (it.getresponse().headers["set-cookie"] or "")


_FORM = {"Content-Type": "application/x-www-form-urlencoded", "X-Requested-With": "rollcall"}


def test_health_says_when_certificates_end(server: SecureServer) -> None:
    links = json.loads(server.get("/health")[1])["links"]
    assert links["link_problems"] == []
    assert links["certificates_end"] > "2027"


def test_foreign_authority_does_not_reach_the_server(server: SecureServer, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        shown_serial(server.port, trusting(school(tmp_path)))


def test_renewed_certificate_serves_without_a_restart(server: SecureServer) -> None:
    first = server.serial()
    assert first  # it had ended, and was renewed as the server started
    leaf = server.folder.leaf(Use.SERVER)
    leaf.write_text(ended_leaf(server.folder, Use.SERVER))
    wait_until(lambda: not server.serial(), what="the ended certificate")
    server.folder.ensure(at=now())
    wait_until(lambda: server.serial() not in ("", first), what="the renewed certificate")


@pytest.mark.parametrize("command", ["serve", "broker"])
def test_renewal_that_fails_does_not_stop_a_listener_whose_certificate_lasts(
    tmp_path: Path, command: str
) -> None:
    folder, port = school(tmp_path / "data", at=now() - timedelta(days=368)), free_port()
    (folder.path / ".server.pem.draft").mkdir()  # nothing can be written, as on a full disk
    environment = {
        "ROLLCALL_SERVER_DATA_DIR": str(tmp_path / "data"),
        "ROLLCALL_SERVER_PORT": str(port),
        "ROLLCALL_SERVER_BROKER_PORT": str(port if command == "broker" else free_port()),
        "ROLLCALL_SERVER_BROKER": "embedded",
        "ROLLCALL_SERVER_ENROLMENT_WORKERS": "0",
    }
    with running(
        [str(BIN / "rollcall-server"), command],
        log_path=tmp_path / "log",
        env=environment,
        ready=lambda: is_listening(port),
    ):
        assert shown_serial(port, trusting(folder))
    assert "certificates not renewed at start" in (tmp_path / "log").read_text()
