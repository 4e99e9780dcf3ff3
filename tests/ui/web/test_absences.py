"""The office reports an absence with a doctor's note, and the registers ahead follow it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from server.db.types import now
from tests.support.documents import tiny_pdf
from tests.ui.web.conftest import PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.integration]


@pytest.fixture
def lessons(site: Site) -> tuple[requests.Session, list[str]]:
    """A signed-in session, and the addresses of a running lesson and one of tomorrow."""
    http = requests.Session()
    http.headers["X-Requested-With"] = "rollcall"

    def post(path: str, **body: Any) -> dict[str, Any]:
        answer = http.post(f"{site.url}/api/v1{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        result: dict[str, Any] = answer.json() if answer.content else {}
        return result

    first_password = site.one_time_password
    post("/sign-in", username="admin", password=first_password)
    post("/sign-in/password", old=first_password, new=PASSWORD)
    room = post("/rooms", name="R12")["id"]
    course = post("/courses", code="BIO-9", title="Biology")["id"]
    person = post("/people", student_number="S1", given_name="Ada", family_name="Lovelace")
    post(f"/courses/{course}/roster", person_id=person["id"])
    addresses = []
    begins = now()
    for starts_at in (begins, begins + timedelta(hours=24)):
        times = {"starts_at": starts_at, "ends_at": starts_at + timedelta(minutes=40)}
        body = {name: at.isoformat() for name, at in times.items()}
        made = post("/lessons", course_id=course, room_id=room, **body)
        addresses.append(f"/lessons/{made['id']}")
    return http, addresses


@pytest.fixture(params=[(1366, 768), (390, 844)], ids=["laptop", "phone"])
def page(
    request: pytest.FixtureRequest,
    browser: Browser,
    site: Site,
    lessons: tuple[requests.Session, list[str]],
) -> Iterator[Page]:
    """A signed-in page that fails its test on any error in the browser's console."""
    width, height = request.param
    context = browser.new_context(base_url=site.url, viewport={"width": width, "height": height})
    context.set_default_timeout(15_000)
    context.add_cookies(
        [{"name": c.name, "value": c.value or "", "url": site.url} for c in lessons[0].cookies]
    )
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    yield opened
    context.close()
    assert problems == []


def test_an_excuse_with_a_note_fills_two_days_until_it_is_withdrawn(
    page: Page, lessons: tuple[requests.Session, list[str]]
) -> None:
    page.goto("/absences")
    page.get_by_role("link", name="Report an absence").first.click()
    page.locator("main").get_by_role("searchbox").fill("lovel")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Choose Ada Lovelace").click()
    tomorrow = now() + timedelta(days=1)
    page.get_by_label("Last day").fill(f"{tomorrow:%Y-%m-%d}")
    page.get_by_label("Reported by").fill("Mother, by phone")
    page.get_by_role("button", name="Save absence").click()
    page.get_by_label("Choose a file").set_input_files(
        {"name": "note.pdf", "mimeType": "application/pdf", "buffer": tiny_pdf()}
    )
    page.get_by_role("button", name="Attach").click()
    absence = page.url.partition("#")[0]
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("PDF")).click()
    assert download.value.path().read_bytes() == tiny_pdf()
    for address in lessons[1]:
        page.goto(address)
        expect(page.locator("tr.is-excused")).to_contain_text("Reported, excused")
    page.goto(absence)
    page.get_by_role("link", name="Withdraw").click()
    page.get_by_label("Why is it withdrawn?").fill("Came after all")
    page.get_by_role("button", name="Withdraw").click()
    expect(page.get_by_text("Withdrawn").first).to_be_visible()
    for address in lessons[1]:
        page.goto(address)
        expect(page.locator("tr.is-expected")).to_contain_text("Ada Lovelace")


def test_ticks_of_the_on_site_list_work_without_a_network(page: Page) -> None:
    page.goto("/on-site")
    page.context.set_offline(True)
    person = page.get_by_role("checkbox", name=re.compile("Ada Lovelace.*Expected, not seen"))
    person.check()
    expect(person).to_be_checked()
    page.keyboard.press("Enter")  # sends nothing
    expect(person).to_be_checked()
