"""A weekly lesson from the empty slot to a substitute's register, in a real browser."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.ui.web.conftest import PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.integration]


class School:
    """A school with a term, a room, a course, a student and a teacher without courses."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.office = _client()
        first = site.one_time_password
        self.post("/sign-in", username="admin", password=first)
        self.post("/sign-in/password", old=first, new=PASSWORD)
        today = datetime.now(UTC).date()
        days = {"first_day": str(today), "last_day": str(today + timedelta(days=70))}
        self.post("/terms", name="Autumn", **days)
        self.post("/rooms", name="R12")
        course = self.post("/courses", code="BIO-9", title="Biology")["id"]
        ada = {"student_number": "S1", "given_name": "Ada", "family_name": "Lovelace"}
        person = self.post("/people", **ada)["id"]
        self.post(f"/courses/{course}/roster", person_id=person)
        self.teacher = self._teacher()

    def post(self, path: str, **body: Any) -> Any:
        return self.post_as(self.office, path, **body)

    def post_as(self, client: requests.Session, path: str, **body: Any) -> Any:
        answer = client.post(f"{self.site.url}/api/v1{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        return answer.json() if answer.content else {}

    def _teacher(self) -> requests.Session:
        who = {"username": "vogel", "display_name": "Mira Vogel", "role": "teacher"}
        first = self.post("/accounts", **who)["one_time_password"]
        client = _client()
        self.post_as(client, "/sign-in", username="vogel", password=first)
        self.post_as(client, "/sign-in/password", old=first, new=PASSWORD)
        return client


def _client() -> requests.Session:
    client = requests.Session()
    client.headers["X-Requested-With"] = "rollcall"
    return client


@dataclass
class Desk:
    """Pages of the office and of the teacher, side by side."""

    office: Page
    teacher: Page


@pytest.fixture(params=[(1366, 768), (390, 844)], ids=["laptop", "phone"])
def desk(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Desk]:
    """Both, signed in; an error in a console fails the test."""
    width, height = request.param
    school = School(site)
    problems: list[str] = []
    pages = []
    for client in (school.office, school.teacher):
        size = {"width": width, "height": height}
        context = browser.new_context(base_url=site.url, viewport=size)  # type: ignore[arg-type]
        context.add_cookies(
            [{"name": c.name, "value": c.value or "", "url": site.url} for c in client.cookies]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
        pages.append(page)
    yield Desk(*pages)
    for page in pages:
        page.context.close()
    assert problems == []


def test_lesson_is_planned_moved_and_taken_by_a_substitute(desk: Desk) -> None:
    page = desk.office
    page.goto("/timetable")
    page.get_by_role("link", name="Next week").click()
    page.get_by_role("link", name="Add a lesson on Tuesday").locator("visible=true").click()
    panel = page.locator("#panel")
    panel.get_by_label("Starts").fill("09:00")
    panel.get_by_label("Ends").fill("09:45")
    panel.get_by_role("button", name="Add lesson").click()
    slot = page.locator(".slot:visible")
    expect(slot).to_contain_text("09:00 – 09:45")
    page.get_by_role("link", name="Next week").click()
    expect(slot).to_have_count(1)

    slot.click()
    panel.get_by_role("link", name="Change every week").click()
    panel.get_by_label("Starts").fill("10:00")
    panel.get_by_label("Ends").fill("10:45")
    panel.get_by_role("button", name="Save").click()
    expect(slot).to_contain_text("10:00 – 10:45")

    slot.click()
    panel.get_by_role("link", name="Substitute").click()
    page.get_by_label("Teacher").select_option("Mira Vogel")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Substitute: Mira Vogel")).to_be_visible()

    desk.teacher.goto("/timetable")
    for _ in range(2):
        desk.teacher.get_by_role("link", name="Next week").click()
    desk.teacher.locator(".slot:visible").click()
    desk.teacher.get_by_role("link", name="Ada Lovelace S1").click()
    desk.teacher.get_by_text("Excused", exact=True).click()
    desk.teacher.get_by_role("combobox", name="Reason").fill("At the museum")
    desk.teacher.get_by_role("button", name="Save", exact=True).click()
    expect(desk.teacher.locator("tr.is-excused")).to_contain_text("Ada Lovelace")
