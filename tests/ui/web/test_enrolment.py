"""The whole way in a real browser: sign in, add a person, consent, photo, withdrawal."""

import base64
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.fakes import ml_server as fake
from tests.fakes.ml_server import EMBEDDING, MLServer, answer
from tests.support.waiting import wait_until
from tests.ui.web.conftest import PASSWORD, Site
from tests.ui.web.steps import add_person, give_consent, open_capture, open_page, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.integration]

JPEG = b"\xff\xd8\xff\xe0" + bytes(range(256)) * 8


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    yield from open_page(browser, site)


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
    waiting = page.get_by_role("heading", name="The photo is stored")
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
    page.locator("main").get_by_role("searchbox").fill("Zaynab")
    expect(page.get_by_text("1–1 of 1")).to_be_visible()
    assert "Zaynab" not in page.url
    page.get_by_role("link", name="Zaynab").click()
    open_capture(page)
    page.locator("#photo").set_input_files(
        {"name": "zaynab-uensal.jpg", "mimeType": "image/jpeg", "buffer": JPEG}
    )
    page.get_by_role("button", name="Use this photo").click()
    expect(page.get_by_role("heading", name="Enrolled")).to_be_visible()
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    token = cookies["rollcall_sign_in"].split(".")[0]
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
