"""The camera of the capture page: on only while its picture is looked at."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes.ml_server import MLServer
from tests.support.waiting import wait_until
from tests.ui.web.conftest import Site
from tests.ui.web.steps import add_person, give_consent, open_capture, open_page, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.integration]

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8
#: Keeps every camera that the page opens, and hands it over once `letThrough` is called.
HELD_CAMERA = """
  window.cameras = [];
  window.asked = 0;
  const gate = new Promise((resolve) => { window.letThrough = resolve; });
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wanted) => {
    window.asked += 1;
    const camera = await open(wanted);
    await gate;
    window.cameras.push(...camera.getTracks());
    return camera;
  };
"""
NO_CAMERA = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException("in use", "NotReadableError");
  };
}"""
ALL_OFF = "window.cameras.length && window.cameras.every((one) => one.readyState === 'ended')"
CLICK_TWICE = "(button) => { button.click(); button.click(); }"


@pytest.fixture
def page(camera_browser: Browser, site: Site, recognition: MLServer) -> Iterator[Page]:
    for page in open_page(camera_browser, site):
        page.add_init_script(HELD_CAMERA)
        sign_in(page, site)
        add_person(page)
        give_consent(page)
        open_capture(page)
        yield page


def choose_file(page: Page, mime_type: str = "image/jpeg") -> None:
    page.locator("#photo").set_input_files({"name": "photo", "mimeType": mime_type, "buffer": JPEG})


def test_double_click_opens_one_camera_and_the_photo_ends_it(page: Page) -> None:
    start = page.get_by_role("button", name="Start camera")
    start.evaluate(CLICK_TWICE)
    expect(start).to_be_disabled()
    page.evaluate("letThrough()")
    page.get_by_role("button", name="Take photo").click()
    expect(page.get_by_role("button", name="Use this photo")).to_be_visible()
    wait_until(lambda: page.evaluate(ALL_OFF), what="the camera to go off")
    assert page.evaluate("window.asked") == 1


def test_file_chosen_while_the_camera_starts_is_kept_and_the_camera_goes_off(page: Page) -> None:
    page.get_by_role("button", name="Start camera").click()
    choose_file(page)
    expect(page.get_by_role("button", name="Use this photo")).to_be_visible()
    page.evaluate("letThrough()")
    wait_until(lambda: page.evaluate(ALL_OFF), what="the camera to go off")
    expect(page.locator("#capture")).to_have_attribute("data-state", "review")
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_role("listitem").filter(has_text="Enrolled")).to_contain_text("From a file")


def test_camera_that_cannot_be_opened_can_be_tried_again(page: Page) -> None:
    page.evaluate(NO_CAMERA)
    start = page.get_by_role("button", name="Start camera")
    start.click()
    expect(page.locator("#guidance")).to_contain_text("Another program is using the camera.")
    expect(start).to_be_enabled()


def test_photo_after_a_file_of_another_kind_can_be_sent(page: Page) -> None:
    choose_file(page, "text/plain")
    expect(page.locator("#guidance")).to_have_text("Please choose a JPEG, PNG, WebP or HEIC photo.")
    page.evaluate("letThrough()")
    page.get_by_role("button", name="Start camera").click()
    page.get_by_role("button", name="Take photo").click()
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
