"""The page that takes photos, the server and the real recognition service together."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.fakes.ml_server import API_KEY
from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, running
from tests.ui.web.conftest import Site
from tests.ui.web.steps import open_camera, open_page, take_photo

pytestmark = [pytest.mark.browser, pytest.mark.integration]


@pytest.fixture
def recognition_url(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    env = {
        "ROLLCALL_ML_API_KEY": API_KEY,
        "ROLLCALL_ML_MATCH_KEYS": API_KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "1",
    }
    args = [str(BIN / "rollcall-ml")]
    log = tmp_path / "ml.log"
    with running(args, log_path=log, env=env, ready=lambda: is_listening(port)):
        yield f"http://127.0.0.1:{port}"


def test_face_before_the_camera_is_found_good_and_enrolled(
    camera_browser: Browser, site: Site
) -> None:
    for page in open_page(camera_browser, site):
        open_camera(page, site)
        expect(page.locator("#guidance")).to_have_text("Good. Take the photo.")
        expect(page.locator("#meters .is-unknown")).to_have_count(0)
        expect(page.locator("#oval.is-good")).to_be_visible()
        take_photo(page)
        expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
        page.get_by_role("button", name="Next photo").click()
        expect(page.locator("#guidance")).to_have_text("Turn the head a little to your left.")
