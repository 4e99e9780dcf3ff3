"""A claim over a secure link: the picture, six words, and what the kiosk is given to trust."""

import re
import uuid
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest
import segno
from fastapi import FastAPI
from starlette.testclient import TestClient

from protocol.v1.fields import parse_message
from protocol.v1.messages import ConfigDocument, PartHealth, Status, TrustOffer
from protocol.v1.trust import ClaimLink, ca_fingerprint, read_claim_link, six_words
from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder
from server.certificates.links import Links
from server.config import Settings
from server.db.types import now
from server.kiosks.service import take_status
from server.kiosks.tables import Kiosk
from server.web.principal import Role
from server.web.state import services_of
from tests.integration.server.conftest import SignIn
from tests.integration.server.test_school_api import Classroom
from tests.support.certificates import school
from tests.support.services import use_links

GrayImage = npt.NDArray[np.uint8]
_MOVES = re.compile(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?")


@pytest.fixture
def database_kind() -> str:
    """Run these on SQLite alone: what they test does not differ between databases."""
    return "sqlite"


@pytest.fixture
def authority(app: FastAPI, settings: Settings) -> CertificateFolder:
    """The school's authority, as if the server had started with it; its cookies stay."""
    folder = school(settings.data_dir)
    use_links(app, Links.of(settings))
    return folder


@pytest.fixture
def technician(sign_in: SignIn) -> TestClient:
    return sign_in(Role.TECHNICIAN)


@pytest.fixture
def classroom(sign_in: SignIn) -> Classroom:
    return Classroom(sign_in(Role.ADMIN))


def _picture(page: str) -> GrayImage:
    """Draw the picture of a page, one pixel a module: dark is 0."""
    path = re.search(r'stroke="#000" d="([^"]+)"', page)
    assert path
    picture = np.full((80, 80), 255, np.uint8)
    x = y = 0
    for move, first, second in _MOVES.findall(path[1]):
        if move == "h":
            picture[y, x : x + int(first)] = 0
            x += int(first)
        elif move == "M":
            x, y = int(first), int(float(second))
        else:
            x, y = x + int(first), y + int(second)
    return picture


def _drawn(link: ClaimLink) -> GrayImage:
    """Draw the picture that must be there."""
    modules = np.array([list(row) for row in segno.make_qr(link.text(), error="m").matrix])
    picture = np.full((80, 80), 255, np.uint8)
    side = len(modules)
    picture[4 : 4 + side, 4 : 4 + side][modules == 1] = 0
    return picture


def _code(page: str) -> str:
    found = re.search(r"<span>(....)</span><span>(....)</span>", page)
    assert found
    return found[1] + found[2]


def test_picture_holds_address_code_and_fingerprint(
    authority: CertificateFolder, classroom: Classroom, technician: TestClient
) -> None:
    page = technician.post(
        f"/kiosks/{classroom.kiosk['id']}/code", headers={"Host": "school.example:8443"}
    ).text
    fingerprint = ca_fingerprint(authority.authorities.read_text())
    link = ClaimLink("http://school.example:8443", _code(page), fingerprint)
    assert (_picture(page) == _drawn(link)).all()
    assert read_claim_link(link.text()) == link
    for word in six_words(fingerprint):
        assert f"<li>{word}</li>" in page
    assert "Kiosks cannot use this address" not in page


def test_camera_reads_the_picture() -> None:
    link = ClaimLink("https://rollcall.school.example:8000", "7Q2M9XKB", "5a" * 32)
    large = cv2.resize(_drawn(link), None, fx=8, fy=8, interpolation=cv2.INTER_NEAREST)
    assert cv2.QRCodeDetector().detectAndDecode(large)[0] == link.text()


def test_page_that_was_opened_on_the_server_itself_says_so(
    classroom: Classroom, technician: TestClient
) -> None:
    address = f"/kiosks/{classroom.kiosk['id']}/code"
    page = technician.post(address, headers={"Host": "localhost:8000"}).text
    assert "Kiosks cannot use this address" in page
    assert "six words" not in page
    link = ClaimLink("http://localhost:8000", _code(page))
    assert (_picture(page) == _drawn(link)).all()


def test_kiosk_is_told_whom_to_trust_before_with_and_after_its_claim(
    app: FastAPI, authority: CertificateFolder, classroom: Classroom
) -> None:
    client = TestClient(app)
    text = authority.authorities.read_text()
    offer = parse_message(TrustOffer, client.get("/api/v1/devices/trust").content)
    claimed = classroom.claim(client)
    assert claimed.broker is not None
    assert offer.ca_pem == claimed.ca_pem == claimed.broker.ca_pem == text
    assert claimed.broker.tls
    device = TestClient(app, headers={"Authorization": f"Device {claimed.device_token}"})
    first = device.get("/api/v1/sync/config")
    document = parse_message(ConfigDocument, first.content)
    assert document.ca_pem == document.broker_ca_pem == text
    known = {"If-None-Match": first.headers["etag"]}
    assert device.get("/api/v1/sync/config", headers=known).status_code == 304

    authority.ensure(at=now(), renew_authority=True)
    renewed = parse_message(
        ConfigDocument, device.get("/api/v1/sync/config", headers=known).content
    )
    text = authority.authorities.read_text()
    assert renewed.ca_pem == renewed.broker_ca_pem == text


def test_kiosk_hears_of_a_renewal_where_the_broker_alone_has_the_authority(
    settings: Settings, app: FastAPI, classroom: Classroom
) -> None:
    """As behind a proxy with a public certificate: nothing else tells of the broker's."""
    authority = school(settings.data_dir, Use.BROKER)
    use_links(app, Links.of(settings))
    device = TestClient(
        app, headers={"Authorization": f"Device {classroom.claim(TestClient(app)).device_token}"}
    )
    for renews in (False, True):
        authority.ensure(at=now(), renew_authority=renews)
        document = parse_message(ConfigDocument, device.get("/api/v1/sync/config").content)
        assert (document.ca_pem, document.broker_ca_pem) == (
            None,
            authority.authorities.read_text(),
        )


def test_certificates_that_came_after_the_start_are_not_spoken_of(
    app: FastAPI, settings: Settings, classroom: Classroom, technician: TestClient
) -> None:
    """Nothing listens with them yet, so a kiosk that was told of TLS would find none."""
    plain = {"host": "0.0.0.0", "broker_host": "0.0.0.0", "allow_plain": True}
    use_links(app, Links.of(settings.model_copy(update=plain)))
    school(settings.data_dir)
    client = TestClient(app)
    assert parse_message(TrustOffer, client.get("/api/v1/devices/trust").content).ca_pem is None
    claimed = classroom.claim(client)
    assert claimed.broker is not None
    assert (claimed.ca_pem, claimed.broker.tls, claimed.broker.ca_pem) == (None, False, None)
    device = TestClient(app, headers={"Authorization": f"Device {claimed.device_token}"})
    document = parse_message(ConfigDocument, device.get("/api/v1/sync/config").content)
    assert (document.ca_pem, document.broker_ca_pem) == (None, None)
    page = technician.get(f"/kiosks/{classroom.kiosk['id']}").text
    assert "This server accepts connections without encryption." in page
    assert len(technician.get("/health").json()["links"]["link_problems"]) == 2
    chosen = technician.post("/preferences", data={"theme": "dark"})
    assert "Secure" not in chosen.headers["set-cookie"]


def test_server_without_an_authority_offers_none(app: FastAPI, classroom: Classroom) -> None:
    client = TestClient(app)
    assert parse_message(TrustOffer, client.get("/api/v1/devices/trust").content).ca_pem is None
    claimed = classroom.claim(client)
    assert claimed.broker is not None
    assert (claimed.ca_pem, claimed.broker.tls, claimed.broker.ca_pem) == (None, False, None)


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        ("tls", "Encrypted"),
        ("plain", "Anybody on this kiosk&#39;s network can read what it sends."),
        ("local", "Within one machine"),
        ("quantum", "Works"),
    ],
)
def test_kiosk_page_shows_link_and_six_words(
    app: FastAPI,
    authority: CertificateFolder,
    classroom: Classroom,
    technician: TestClient,
    detail: str,
    words: str,
) -> None:
    kiosk_id = classroom.kiosk["id"]
    state = "degraded" if detail == "plain" else "ok"
    status = Status(online=True, parts={"server_link": PartHealth(state=state, detail=detail)})
    with services_of(app).database.transaction() as db:
        take_status(db, db.get_one(Kiosk, uuid.UUID(kiosk_id)), status, now())
    page = technician.get(f"/kiosks/{kiosk_id}").text
    assert words in page
    assert " ".join(six_words(ca_fingerprint(authority.authorities.read_text()))) in page


@pytest.mark.parametrize(("role", "is_told"), [(Role.ADMIN, True), (Role.TEACHER, False)])
def test_plain_server_is_shown_to_those_who_can_change_it(
    app: FastAPI, sign_in: SignIn, role: Role, *, is_told: bool
) -> None:
    plain = {"host": "0.0.0.0", "allow_plain": True}
    use_links(app, Links.of(services_of(app).settings.model_copy(update=plain)))
    page = sign_in(role).get("/").text
    assert ("This server accepts connections without encryption." in page) == is_told


def test_kiosk_page_shows_that_the_server_is_plain(
    app: FastAPI, classroom: Classroom, technician: TestClient
) -> None:
    plain = {"host": "0.0.0.0", "allow_plain": True}
    use_links(app, Links.of(services_of(app).settings.model_copy(update=plain)))
    page = technician.get(f"/kiosks/{classroom.kiosk['id']}").text
    assert "This server accepts connections without encryption." in page


def test_files_of_the_authority_are_not_served(
    authority: CertificateFolder, technician: TestClient
) -> None:
    key = Path(authority.path / "authority-key.pem").read_text()
    offered = technician.get("/api/v1/devices/trust").text
    assert "PRIVATE" not in offered
    assert key.count("PRIVATE KEY") == 2
