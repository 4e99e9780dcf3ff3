"""Live guidance before a camera, in a real browser whose camera shows a face."""

import base64
import re
from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes import ml_server as fake
from tests.fakes.ml_server import MLServer, answer
from tests.support.waiting import wait_until
from tests.ui.web.conftest import Camera, Site
from tests.ui.web.steps import open_camera, open_page, take_photo

pytestmark = [pytest.mark.browser, pytest.mark.integration]


@pytest.fixture
def camera_page(camera_browser: Browser, site: Site) -> Iterator[Page]:
    yield from open_page(camera_browser, site)


def sent_to(recognition: MLServer, path: str) -> list[bytes]:
    """Pictures that reached the service there."""
    both = zip(recognition.paths, recognition.requests, strict=True)
    return [base64.b64decode(body["image_base64"]) for where, (_, body) in both if where == path]


def test_enrol_by_webcam(camera_page: Page, site: Site, recognition: MLServer) -> None:
    page = camera_page
    open_camera(page, site)
    expect(page.locator("#guidance")).to_have_text("Good. Take the photo.")
    take_photo(page)
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
    (sent,) = sent_to(recognition, "/api/v1/faces")
    assert sent.startswith(b"\xff\xd8\xff")
    assert len(sent) > 10_000


def test_guidance_names_the_reason_and_shows_how_far_each_measure_is(
    camera_page: Page, site: Site, recognition: MLServer
) -> None:
    recognition.behave(fake.accept_seeing(fake.seen(["TOO_DARK"], brightness=30)))
    page = camera_page
    open_camera(page, site)
    expect(page.locator("#guidance")).to_have_text("Too dark. Turn towards the light.")
    expect(page.locator("#oval")).not_to_have_class(re.compile("is-good"))
    meter = page.locator("[data-bar=light] meter")
    expect(meter).to_have_js_property("value", 41)
    expect(page.locator("[data-bar=sharpness] meter")).to_have_js_property("value", 100)
    recognition.behave(fake.accept_seeing(fake.QUALITY))
    expect(page.locator("#oval")).to_have_class(re.compile("is-good"))
    expect(page.locator("#guidance")).to_have_text("Good. Take the photo.")


def test_three_poses_are_asked_for_one_after_the_other(
    camera_page: Page, site: Site, recognition: MLServer, camera: Camera
) -> None:
    page = camera_page
    open_camera(page, site)
    guidance, current = page.locator("#guidance"), page.locator("#poses [aria-current=step]")
    expect(current).to_contain_text("Straight")
    expect(guidance).to_have_text("Good. Take the photo.")
    take_photo(page)
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()

    camera.film(seed=1)
    page.get_by_role("button", name="Next photo").click()
    expect(current).to_contain_text("A little left")
    expect(guidance).to_have_text("Turn the head a little to your left.")
    expect(page.locator(".oval-turn-left")).to_be_visible()
    recognition.behave(fake.accept_seeing(fake.seen([], yaw=18)))
    expect(guidance).to_have_text("Good. Take the photo.")
    take_photo(page)

    expect(page.locator("#poses .is-taken")).to_have_count(2)
    camera.film(seed=2)
    page.get_by_role("button", name="Next photo").click()
    expect(current).to_contain_text("A little right")
    recognition.behave(fake.accept_seeing(fake.seen([], yaw=-18)))
    expect(guidance).to_have_text("Good. Take the photo.")
    take_photo(page)
    expect(page.locator("#poses .is-taken")).to_have_count(3)
    expect(page.get_by_role("button", name="Take another")).to_be_visible()
    wait_until(lambda: len(sent_to(recognition, "/api/v1/faces")) == 3, what="three photos")


def test_refused_photo_gives_its_pose_back(
    camera_page: Page, site: Site, recognition: MLServer
) -> None:
    recognition.behave(fake.accept_seeing(fake.QUALITY, faces=fake.FACES | {"faces": []}))
    page = camera_page
    open_camera(page, site)
    expect(page.locator("#guidance")).to_have_text("Good. Take the photo.")
    take_photo(page)
    expect(page.get_by_role("heading", name="This photo cannot be used")).to_be_visible()
    expect(page.locator("#poses .is-taken")).to_have_count(0)
    expect(page.get_by_role("button", name="Take another")).to_be_visible()


def test_each_photo_is_followed_to_its_own_end(
    camera_page: Page, site: Site, recognition: MLServer, camera: Camera
) -> None:
    page = camera_page
    open_camera(page, site)
    expect(page.locator("#guidance")).to_have_text("Good. Take the photo.")
    recognition.behave(answer(500, {}))
    take_photo(page)
    expect(page.locator("#poses .is-taken")).to_contain_text("Straight")
    camera.film(seed=1)
    page.get_by_role("button", name="Next photo").click()
    take_photo(page)
    expect(page.locator("#poses .is-taken")).to_have_count(2)
    under_way = page.locator("#result").locator("[data-status=pending], [data-status=processing]")
    expect(under_way).to_have_count(2)

    recognition.behave(fake.accept_seeing(fake.QUALITY, faces=fake.FACES | {"faces": []}))
    refused = page.get_by_role("listitem").filter(has_text="This photo cannot be used")
    expect(refused).to_have_count(2, timeout=40_000)
    expect(refused).to_contain_text(["A little left", "Straight"])
    expect(page.locator("#poses .is-taken")).to_have_count(0)
    expect(page.locator("#poses [aria-current=step]")).to_contain_text("Straight")
    expect(page.get_by_role("button", name="Take another")).to_be_visible()


def test_outcome_of_a_photo_stays_while_the_next_is_taken(
    camera_page: Page, site: Site, recognition: MLServer
) -> None:
    page = camera_page
    open_camera(page, site)
    expect(page.locator("#guidance")).to_have_text("Good. Take the photo.")
    take_photo(page)
    expect(page.get_by_role("link", name="Done")).to_be_visible()
    page.get_by_role("button", name="Next photo").click()
    expect(page.get_by_role("button", name="Take photo")).to_be_visible()
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
    expect(page.get_by_role("link", name="Done")).to_be_hidden()


def test_without_the_service_the_browser_guides_and_says_so(
    camera_page: Page, site: Site, recognition: MLServer
) -> None:
    recognition.behave(answer(500, {}))
    page = camera_page
    open_camera(page, site)
    expect(page.get_by_text("only light and sharpness are measured")).to_be_visible()
    expect(page.locator("#meters meter:visible")).to_have_count(2)
    expect(page.locator("#guidance")).not_to_have_text(re.compile("^(The camera|Starting|Look)"))
    page.get_by_role("button", name="Take photo").click()
    expect(page.get_by_role("button", name="Use this photo")).to_be_visible()


def test_pictures_for_guidance_are_small_and_end_with_the_camera(
    camera_page: Page, site: Site, recognition: MLServer
) -> None:
    page = camera_page
    open_camera(page, site)
    wait_until(lambda: len(sent_to(recognition, "/api/v1/quality")) >= 2, what="two pictures")
    page.get_by_role("button", name="Take photo").click()
    at_the_end = len(sent_to(recognition, "/api/v1/quality"))
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
    frames = sent_to(recognition, "/api/v1/quality")
    assert len(frames) <= at_the_end + 1  # one may have been on its way
    pictures = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in frames]
    assert {picture.shape for picture in pictures} == {(360, 480, 3)}
    assert max(map(len, frames)) < 60_000
