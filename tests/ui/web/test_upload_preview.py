"""A photo from a file is shown whole before it is sent."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from scripts.bench.drawings import drawing
from tests.fakes.ml_server import MLServer
from tests.ui.web.conftest import Site
from tests.ui.web.steps import add_person, give_consent, open_capture, open_page, sign_in
from tests.unit.models.stages import heic_pictures

pytestmark = [pytest.mark.browser, pytest.mark.integration]

RED, BLUE = (0, 0, 255), (255, 0, 0)
PORTRAIT, WIDE = (1200, 700), (500, 1500)  # height, width
LAPTOP, PHONE = (1366, 768), (390, 844)  # width, height


@pytest.fixture
def page(browser: Browser, site: Site, recognition: MLServer) -> Iterator[Page]:
    del recognition
    for page in open_page(browser, site):
        sign_in(page, site)
        add_person(page)
        give_consent(page)
        open_capture(page)
        yield page


def photo(height: int, width: int) -> bytes:
    """Red at the top and at the left, blue at the bottom and at the right."""
    picture = cv2.resize(drawing("cartoon", 3), (width, height))
    edge = 40
    picture[:edge], picture[-edge:] = RED, BLUE
    picture[:, :edge], picture[:, -edge:] = RED, BLUE
    return cv2.imencode(".png", picture)[1].tobytes()


def edges_shown(page: Page) -> tuple[float, float]:
    """How much red and blue the viewfinder shows, shares of it."""
    shot = page.locator(".viewfinder").screenshot()
    seen = np.asarray(cv2.imdecode(np.frombuffer(shot, np.uint8), cv2.IMREAD_COLOR)).astype(int)
    red, blue = (float((np.abs(seen - of).sum(axis=-1) < 60).mean()) for of in (RED, BLUE))
    return red, blue


@pytest.mark.parametrize(
    ("shape", "screen"), [(PORTRAIT, LAPTOP), (PORTRAIT, PHONE), (WIDE, LAPTOP)]
)
def test_an_uploaded_photo_is_shown_to_its_edges(
    page: Page, shape: tuple[int, int], screen: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": screen[0], "height": screen[1]})
    buffer = photo(*shape)
    page.locator("#photo").set_input_files(
        {"name": "photo.png", "mimeType": "image/png", "buffer": buffer}
    )
    expect(page.get_by_role("button", name="Use this photo")).to_be_visible()
    expect(page.locator("#still")).to_be_visible()
    expect(page.locator("#oval")).to_be_hidden()
    page.wait_for_function("document.getElementById('still').naturalWidth > 0")

    red, blue = edges_shown(page)

    assert red > 0.02
    assert red == pytest.approx(blue, rel=0.35)


def test_a_heic_photo_without_a_type_can_be_sent_unseen(page: Page) -> None:
    page.locator("#photo").set_input_files(
        {"name": "IMG_0001.HEIC", "mimeType": "", "buffer": heic_pictures.UPRIGHT}
    )

    expect(page.locator("#guidance")).to_contain_text("You can still send it.")
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
