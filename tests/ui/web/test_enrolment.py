"""The whole way in a real browser: sign in, add a person, consent, photo, withdrawal."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes import ml_server as fake
from tests.fakes.ml_server import EMBEDDING, MLServer, answer
from tests.support.browser import CHROMIUM
from tests.support.waiting import wait_until
from tests.ui.web.conftest import PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.integration]

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8


def open_page(browser: Browser, site: Site, **options: object) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url, **options)  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    yield page
    context.close()
    assert problems == []


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    yield from open_page(browser, site)


def sign_in(page: Page, site: Site) -> None:
    page.goto("/people")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(site.one_time_password)
    page.keyboard.press("Enter")
    page.get_by_label("Current password").fill(site.one_time_password)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Today", exact=True)).to_be_visible()


def add_person(page: Page) -> str:
    page.goto("/people/new")
    page.get_by_label("Given name").fill("Zaynab")
    page.get_by_label("Family name").fill("Ünsal")
    page.get_by_label("Student number").fill("S-1001")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Zaynab Ünsal")).to_be_visible()
    return page.url


def give_consent(page: Page) -> None:
    page.get_by_role("link", name="Record consent").click()
    page.get_by_label("Said by").fill("Leyla Ünsal")
    page.get_by_label("Version of the text").fill("2026-09")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Leyla Ünsal")).to_be_visible()


def open_capture(page: Page) -> None:
    """Go to the page that takes photos, and wait for its script: without it, it works as a form."""
    page.get_by_role("link", name="Take a photo").click()
    expect(page.locator("#upload")).to_be_hidden()
    page.wait_for_load_state("load")


@pytest.fixture
def plain_page(browser: Browser, site: Site) -> Iterator[Page]:
    yield from open_page(browser, site, java_script_enabled=False)


def test_everything_works_without_script(
    plain_page: Page, site: Site, recognition: MLServer
) -> None:
    page = plain_page
    sign_in(page, site)
    add_person(page)
    give_consent(page)
    page.get_by_role("link", name="Take a photo").click()
    page.locator("#photo").set_input_files(
        {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    )
    page.locator("#upload").click()
    expect(page.get_by_role("heading", name="Zaynab Ünsal")).to_be_visible()
    wait_until(lambda: recognition.requests, what="the photo to reach the service")


def test_enrol_by_upload_and_withdraw(page: Page, site: Site, recognition: MLServer) -> None:
    sign_in(page, site)
    person = add_person(page)
    expect(page.get_by_role("link", name="Take a photo")).to_have_count(0)
    give_consent(page)
    open_capture(page)
    page.locator("#photo").set_input_files(
        {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    )
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
    assert base64.b64decode(recognition.requests[0][1]["image_base64"]) == JPEG

    page.goto(person)
    expect(page.get_by_text("Accepted", exact=True)).to_be_visible()
    page.get_by_role("link", name="Withdraw").click()
    page.get_by_role("button", name="Withdraw and erase").click()
    expect(page.get_by_text("Erased", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Take a photo")).to_have_count(0)


def test_refused_photo_says_why_and_lets_one_try_again(
    page: Page, site: Site, recognition: MLServer
) -> None:
    recognition.behave(answer(200, {"success": False, "error_code": "MULTIPLE_FACES"}))
    sign_in(page, site)
    add_person(page)
    give_consent(page)
    open_capture(page)
    page.locator("#photo").set_input_files(
        {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    )
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_text("There is more than one face")).to_be_visible()
    expect(page.get_by_role("button", name="Take another")).to_be_visible()


def test_photo_waits_for_the_service_and_finishes_by_itself(
    page: Page, site: Site, recognition: MLServer
) -> None:
    recognition.is_healthy = False
    recognition.behave(answer(500, {}))
    sign_in(page, site)
    add_person(page)
    give_consent(page)
    open_capture(page)
    page.locator("#photo").set_input_files(
        {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    )
    page.get_by_role("button", name="Use this photo").click()
    waiting = page.get_by_role("heading", name="Waiting for the recognition service")
    expect(waiting).to_be_visible(timeout=20_000)
    recognition.behave(fake.accept_with_key)
    recognition.is_healthy = True
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible(timeout=20_000)


def test_server_killed_while_a_photo_is_looked_at_finishes_it_after_its_return(
    page: Page, site: Site, recognition: MLServer
) -> None:
    recognition.behave(fake.never_answer, fake.accept_with_key)
    sign_in(page, site)
    person = add_person(page)
    give_consent(page)
    open_capture(page)
    page.locator("#photo").set_input_files(
        {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    )
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_role("heading", name="Checking the photo")).to_be_visible()
    wait_until(lambda: recognition.requests, what="the photo to reach the service")
    page.goto("about:blank")
    site.process.kill()
    site.process.start(site.is_up)
    page.goto(person)
    expect(page.get_by_text("Accepted", exact=True)).to_be_visible(timeout=30_000)
    assert recognition.paths.count("/api/v1/faces") == 2


def test_log_of_a_whole_enrolment_names_nobody(
    page: Page, site: Site, recognition: MLServer
) -> None:
    one_time_password = site.one_time_password
    sign_in(page, site)
    add_person(page)
    give_consent(page)
    page.goto("/people")
    page.get_by_role("searchbox").fill("Zaynab")
    expect(page.get_by_text("1 people")).to_be_visible()
    assert "Zaynab" not in page.url
    page.get_by_role("link", name="Zaynab").click()
    open_capture(page)
    page.locator("#photo").set_input_files(
        {"name": "zaynab-uensal.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    )
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    token = cookies["rollcall_session"].split(".")[0]
    log = site.process.log.replace(f"admin password: {one_time_password}", "")
    assert "accepted" in log
    secrets = [
        "Zaynab",
        "zaynab",
        "nsal",
        "Leyla",
        "S-1001",
        PASSWORD,
        one_time_password,
        token,
        fake.API_KEY,
        str(EMBEDDING[5]),
        base64.b64encode(JPEG).decode()[:24],
    ]
    assert [secret for secret in secrets if secret in log] == []


@pytest.fixture
def camera_page(browser: Browser, site: Site, tmp_path: Path, assets: Path) -> Iterator[Page]:
    """A browser whose camera shows a face from the sample photos."""
    import cv2

    found = sorted(assets.rglob("person-1-a.jpg"))
    if not found:
        pytest.skip("needs the sample photos of the asset cache")
    picture = cv2.imread(str(found[0]))
    frame = cv2.resize(picture, (640, 480))
    encoded = bytes(cv2.imencode(".jpg", frame)[1])
    clip = tmp_path / "camera.mjpeg"
    clip.write_bytes(encoded * 30)
    fake_camera = [
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-video-capture={clip}",
    ]
    own = browser.browser_type.launch(
        executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *fake_camera]
    )
    yield from open_page(own, site)
    own.close()


def open_camera(page: Page, site: Site) -> None:
    """Everything up to the live picture."""
    sign_in(page, site)
    add_person(page)
    give_consent(page)
    open_capture(page)
    page.get_by_role("button", name="Start camera").click()
    expect(page.locator("#oval")).to_be_visible()


def take_photo(page: Page) -> None:
    page.get_by_role("button", name="Take photo").click()
    page.get_by_role("button", name="Use this photo").click()


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
    camera_page: Page, site: Site, recognition: MLServer
) -> None:
    page = camera_page
    open_camera(page, site)
    guidance, current = page.locator("#guidance"), page.locator("#poses [aria-current=step]")
    expect(current).to_contain_text("Straight")
    expect(guidance).to_have_text("Good. Take the photo.")
    take_photo(page)
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()

    page.get_by_role("button", name="Next photo").click()
    expect(current).to_contain_text("A little left")
    expect(guidance).to_have_text("Turn the head a little to your left.")
    expect(page.locator(".oval-turn-left")).to_be_visible()
    recognition.behave(fake.accept_seeing(fake.seen([], yaw=18)))
    expect(guidance).to_have_text("Good. Take the photo.")
    take_photo(page)

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
    import cv2
    import numpy as np

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


@pytest.mark.parametrize("width", [1366, 390])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_pages_fit_their_width_in_both_directions(
    browser: Browser, site: Site, width: int, language: str
) -> None:
    viewport = {"width": width, "height": 800}
    for page in open_page(browser, site, viewport=viewport, locale=language):
        page.goto("/sign-in")
        direction = page.evaluate("document.documentElement.dir")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert (direction, overflow) == ({"en": "ltr", "ar": "rtl"}[language], 0)
