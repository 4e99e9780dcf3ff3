"""The site for nginx that `rollcall-server init` writes, with a real nginx and a real server."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import pytest
import requests
from requests.adapters import HTTPAdapter
from urllib3.poolmanager import PoolManager

from server.certificates.authority import Use
from server.config import Settings
from tests.faults import recognition
from tests.faults.recognition import Server
from tests.support.certificates import school
from tests.support.nginx import nginx

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]
_NO_ML = "http://127.0.0.1:9"
_LARGEST: int = Settings.model_fields["photo_max_bytes"].default


class From(HTTPAdapter):
    """Connects from one of the machine's loopback addresses."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *args: object, **options: object) -> None:
        """See `HTTPAdapter`."""
        options["source_address"] = (self._address, 0)
        self.poolmanager = PoolManager(**options)  # type: ignore[arg-type]


@dataclass
class Site:
    """What a browser meets.

    Attributes:
        url: with TLS.
        plain_url: without.
        authority: file with who signed the certificate.
        folder: of nginx.
        server: behind it.
    """

    url: str
    plain_url: str
    authority: Path
    folder: Path
    server: Server

    def client(self, address: str = "127.0.0.1") -> requests.Session:
        """Return a program on the device with this address."""
        session = requests.Session()
        session.verify = str(self.authority)
        session.trust_env = False  # else a variable that names authorities comes first
        session.headers["X-Requested-With"] = "rollcall"
        session.mount("https://", From(address))
        return session

    def sign_in(self, client: requests.Session, password: str) -> requests.Response:
        """Try to sign in as the administrator."""
        body = {"username": "admin", "password": password}
        return client.post(f"{self.url}/api/v1/sign-in", json=body, timeout=20)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("nginx")
    certificates = school(folder / "authority", Use.SERVER)
    server = recognition.server(folder, _NO_ML)
    server.start(
        ROLLCALL_SERVER_TRUSTED_PROXIES="127.0.0.1",
        ROLLCALL_SERVER_SECURE_COOKIES="true",
        ROLLCALL_SERVER_LOCKOUT_FAILURES="3",
    )
    port = int(server.env["ROLLCALL_SERVER_PORT"])
    try:
        leaf = certificates.leaf(Use.SERVER)
        with nginx(folder / "proxy", leaf, [port]) as (url, plain_url):
            server.url = url
            server.trust(certificates.authorities)
            server.sign_in()
            yield Site(url, plain_url, certificates.authorities, folder / "proxy", server)
    finally:
        server.process.stop()
        server.process.kill()


def test_plain_http_leads_to_https(site: Site) -> None:
    answer = requests.get(f"{site.plain_url}/people?q=a", allow_redirects=False, timeout=10)

    assert answer.status_code == HTTPStatus.MOVED_PERMANENTLY
    assert answer.headers["Location"] == "https://127.0.0.1/people?q=a"


def test_sign_in_gives_cookies_for_https_alone(site: Site) -> None:
    client = site.client()
    answer = site.sign_in(client, recognition.PASSWORD)

    assert answer.ok
    cookies = answer.headers["Set-Cookie"]
    assert cookies.count("Secure") == cookies.count("HttpOnly") == cookies.count("SameSite") > 0
    page = client.get(f"{site.url}/people", timeout=20)
    assert "Ünsal" in page.text
    assert "max-age" in page.headers["Strict-Transport-Security"]
    assert "nginx/" not in page.headers["Server"]


def test_photo_passes_and_lies_in_no_file_of_nginx(site: Site) -> None:
    client = site.client()
    site.sign_in(client, recognition.PASSWORD)
    path = f"{site.url}/api/v1/people/{site.server.person_id}/enrolments"
    photo = b"\xff\xd8\xff\xe0" + bytes(3_000_000)
    answer = client.post(path, files={"photo": photo}, timeout=30)

    assert answer.status_code == HTTPStatus.ACCEPTED, answer.text
    assert [one for one in site.folder.glob("*/**/*") if one.is_file()] == []
    assert "buffered to a temporary file" not in (site.folder / "error.log").read_text()


def test_too_large_a_photo_is_refused_in_the_words_of_the_server(site: Site) -> None:
    client = site.client()
    site.sign_in(client, recognition.PASSWORD)
    path = f"{site.url}/api/v1/people/{site.server.person_id}/enrolments"
    answer = client.post(path, files={"photo": bytes(2 * _LARGEST)}, timeout=30)

    assert answer.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    assert json.loads(answer.text)["error"]["code"]


def test_wrong_passwords_count_for_the_device_that_sends_them(site: Site) -> None:
    guesser = site.client("127.0.0.2")
    found = []
    for number in range(3):
        guesser.headers["X-Forwarded-For"] = f"10.0.0.{number}"
        found.append(site.sign_in(guesser, "wrong").status_code)

    assert found[-1] == HTTPStatus.TOO_MANY_REQUESTS
    assert site.sign_in(site.client("127.0.0.3"), recognition.PASSWORD).ok
