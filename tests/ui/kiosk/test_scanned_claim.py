"""A claim QR held before the camera claims the kiosk: window, scanner, TLS and storage together."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from pytestqt.qtbot import QtBot

from kiosk.app.main import KioskProcess
from kiosk.config import load_settings
from kiosk.domain.health import CameraHealth
from kiosk.domain.ports import Frame
from kiosk.storage.identity import IdentityStore
from protocol.v1.messages import ClaimRequest, ClaimResponse
from protocol.v1.trust import ClaimLink, ca_fingerprint
from tests.fakes.kiosk_server import CLAIM_CODE, SchoolServer, serving
from tests.support.authorities import Authority
from tests.unit.kiosk.vision.test_claim_codes import in_view

SCHOOL = Authority("School")


class BusySchool(SchoolServer):
    """Takes the claim, and has no time for anything after it."""

    def claim(self, request: ClaimRequest) -> ClaimResponse | None:
        response = super().claim(request)
        self.broken_status = 503
        return response


class Camera:
    """A camera before which a person holds a QR code."""

    def __init__(self, text: str) -> None:
        self.spec = SimpleNamespace(is_replay=False)
        self._picture = in_view(text, turn_deg=8)
        self.is_on = False

    def start(self) -> None:
        self.is_on = True

    def stop(self) -> None:
        self.is_on = False

    def report(self) -> SimpleNamespace:
        return SimpleNamespace(health=CameraHealth.OK)

    def wait_newer(self, index: int, timeout_s: float) -> Frame | None:
        del timeout_s
        return Frame(self._picture, 0.0, index + 1) if self.is_on else None


def test_a_kiosk_is_claimed_by_the_code_before_its_camera(
    tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = BusySchool()
    school.ca_pem = SCHOOL.pem
    with serving(school, context=SCHOOL.leaf().server_context(tmp_path)) as url:
        link = ClaimLink(url, CLAIM_CODE, ca_fingerprint(SCHOOL.pem))
        camera = Camera(link.text())
        monkeypatch.setattr("kiosk.app.main.build_camera", lambda *_args: camera)
        settings = load_settings(
            data_dir=tmp_path / "kiosk", server_url="https://127.0.0.1:1", fullscreen=False
        )
        kiosk = KioskProcess(settings)
        kiosk.start()
        store = IdentityStore(tmp_path / "kiosk" / "identity")
        qtbot.waitUntil(lambda: kiosk._board is not None, timeout=30_000)
        kiosk.stop()

    assert store.kept().place.address == url
    assert school.claims == 1
    assert not camera.is_on
