"""The student's code, from the office's desk to the camera of a kiosk."""

from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from playwright.sync_api import Browser, Page, expect

from protocol.v1.checkin import CheckInCode, read_check_in_code
from server.config import load_settings
from server.db.engine import Database
from server.db.vault import open_vault
from server.kiosks.claiming import server_signing_key
from tests.ui.web.conftest import Site
from tests.ui.web.steps import add_person, open_page, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.integration]
EVERY_20_S = 20_000
LIFETIME_MS = 60_000


@pytest.fixture
def office(browser: Browser, site: Site) -> Iterator[Page]:
    yield from open_page(browser, site)


@pytest.fixture
def phone(browser: Browser, site: Site) -> Iterator[Page]:
    """A phone that is not signed in, with a clock that the test turns."""
    context = browser.new_context(
        base_url=site.url, viewport={"width": 390, "height": 844}, is_mobile=True
    )
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.clock.install(time=datetime.now(UTC))
    yield page
    context.close()


def server_key(site: Site) -> Ed25519PublicKey:
    """The key that kiosks know."""
    settings = load_settings(data_dir=site.data_dir)
    database = Database(settings.sqlalchemy_url)
    with database.transaction() as db:
        key = server_signing_key(db, open_vault(settings)).public_key()
    database.close()
    return key


def scan(page: Page, key: Ed25519PublicKey) -> CheckInCode:
    """Read the code from a picture of the screen.

    OpenCV's older detector misses about 2 in 100 codes; this one read 1,500 of 1,500.
    """
    picture = cv2.imdecode(np.frombuffer(page.screenshot(), np.uint8), cv2.IMREAD_GRAYSCALE)
    text = cv2.QRCodeDetectorAruco().detectAndDecode(picture)[0]
    return read_check_in_code(text, key)


def next_code(page: Page) -> None:
    """Let 20 seconds pass on the phone, and wait for what it then fetches."""
    shown = page.locator("#own-code path").last
    before = shown.get_attribute("d") or ""
    page.clock.fast_forward(EVERY_20_S)
    expect(shown).not_to_have_attribute("d", before)


def open_section(office: Page) -> None:
    """Go to the section on the person's page, which htmx loads."""
    expect(office.get_by_role("button", name="Make a PIN")).to_be_visible()


def test_the_office_hands_out_a_pin_and_a_link_and_the_phone_shows_codes(
    office: Page, phone: Page, site: Site
) -> None:
    sign_in(office, site)
    allow_every_way(office)
    person_page = add_person(office)
    open_section(office)
    office.get_by_role("button", name="Make a PIN").click()
    office.get_by_role("button", name="Show PIN").click()
    assert office.locator("#shown-pin").inner_text().replace("\n", "").strip().isdigit()

    office.goto(person_page)
    office.get_by_role("button", name="Make a link").click()
    path = urlsplit(office.locator("#own-address").inner_text()).path
    key, person_id = server_key(site), person_page.rsplit("/", 1)[1]

    phone.goto(path)
    first = scan(phone, key)
    next_code(phone)
    second = scan(phone, key)

    assert str(first.holder_id) == str(second.holder_id) == person_id
    assert first.code_id != second.code_id
    assert first.is_valid_at(datetime.now(UTC))
    assert second.is_valid_at(datetime.now(UTC))
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")

    show_offline_and_again(phone, key)
    office.goto(person_page)
    office.locator("summary", has_text="Remove link").click()
    office.locator("form[action$='/link/revoke'] button").click()
    expect(office.get_by_role("button", name="Make a link")).to_be_visible()
    phone.clock.fast_forward(EVERY_20_S)
    expect(phone.get_by_role("heading", name="This link does not work")).to_be_visible()
    expect(phone.locator("svg.own-qr")).to_have_count(0)
    assert path.rsplit("/", 1)[1] not in site.process.log


def show_offline_and_again(phone: Page, key: Ed25519PublicKey) -> None:
    """Without network the page says so, hides a code that has ended, and comes back."""
    phone.context.set_offline(True)
    phone.clock.fast_forward(EVERY_20_S)
    expect(phone.get_by_text("No connection to the school")).to_be_visible()
    expect(phone.locator("#own-code")).to_be_visible()
    phone.clock.fast_forward(LIFETIME_MS)
    expect(phone.locator("#own-code")).to_be_hidden()
    phone.context.set_offline(False)
    phone.evaluate("window.dispatchEvent(new Event('online'))")
    expect(phone.get_by_text("No connection to the school")).to_be_hidden()
    expect(phone.locator("#own-code")).to_be_visible()
    scan(phone, key)


def allow_every_way(office: Page) -> None:
    answer = office.request.put(
        "/api/v1/policy",
        data={"kiosk": {"fallbacks": ["qr", "card", "pin", "teacher"]}},
        headers={"X-Requested-With": "rollcall"},
    )
    assert answer.ok, answer.text()
