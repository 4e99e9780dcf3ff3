"""A blank installation becomes a school of 500 with a timetable, and takes its first register."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from server.db.types import now
from tests.ui.web.conftest import Site
from tests.ui.web.steps import open_page, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.integration]
STUDENTS, COURSES = 500, 20
MOST_CLICKS, MOST_TYPED = 60, 5
#: One of them is always in its school hours.
ZONES = ("Pacific/Auckland", "Asia/Tokyo", "Asia/Dubai", "Europe/Berlin", "America/New_York",
         "America/Los_Angeles", "Pacific/Honolulu")  # fmt: skip
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@pytest.fixture
def zone() -> ZoneInfo:
    """A zone in which the day is young enough for a lesson and old enough for one before it."""
    return next(zone for zone in map(ZoneInfo, ZONES) if 7 <= now().astimezone(zone).hour <= 19)


@pytest.fixture
def school_settings() -> dict[str, str]:
    """Nothing is entered yet."""
    return {}


@pytest.fixture(params=[(1366, 768), (390, 844)], ids=["laptop", "phone"])
def page(
    request: pytest.FixtureRequest, browser: Browser, site: Site, zone: ZoneInfo
) -> Iterator[Page]:
    """A page of somebody who lives where the school is."""
    width, height = request.param
    size = {"width": width, "height": height}
    yield from open_page(browser, site, viewport=size, timezone_id=zone.key)


@dataclass
class Hand:
    """Counts what a person clicks and types. Choosing a file is a click, so is each in a list."""

    page: Page
    clicks: int = 0
    typed: int = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1

    def link(self, name: str | re.Pattern[str]) -> None:
        self.click(self.page.get_by_role("link", name=name).first)

    def button(self, name: str | re.Pattern[str]) -> None:
        self.click(self.page.get_by_role("button", name=name).first)

    def type(self, label: str, text: str) -> None:
        self.page.get_by_label(label).fill(text)
        self.typed += 1

    def bring_in(self, kind: str, lines: list[str]) -> None:
        """Import a file; the page has mostly chosen what is in it."""
        choice = self.page.get_by_role("radio", name=re.compile(f"^{kind}"))
        if not choice.is_checked():
            self.click(choice)
        content: Any = {
            "name": f"{kind}.csv",
            "mimeType": "text/csv",
            "buffer": "\n".join(lines).encode(),
        }
        self.page.get_by_label("File", exact=True).set_input_files(content)
        self.clicks += 1
        self.button("Upload and continue")
        self.button("Check the file")
        expect(self.page.get_by_role("heading", name="This is what")).to_be_visible(timeout=60_000)
        expect(self.page.locator(".figure-bad")).to_have_count(0)
        self.button(re.compile(f"^Import {len(lines) - 1} rows"))
        expect(self.page.get_by_role("heading", name="The file was imported")).to_be_visible(
            timeout=60_000
        )


def files(starts: datetime) -> dict[str, list[str]]:
    """Return the files of a school whose first course has a lesson at this moment."""
    today, ends = WEEKDAYS[starts.weekday()], starts + timedelta(minutes=45)
    weekly = [
        f"C{course},{day},{hour:02}:00,{hour:02}:45,R{course}"
        for course in range(COURSES)
        for day in WEEKDAYS[:5]
        for hour in (8, 9)
        if course or day != today
    ]
    return {
        "People": [
            "student number,given name,family name",
            *(f"{number:04},Given{number},Family{number}" for number in range(STUDENTS)),
        ],
        "Users": [
            "user name,full name",
            *(f"teacher{number},Teacher {number}" for number in range(COURSES)),
        ],
        "Rooms": ["room", *(f"R{number}" for number in range(COURSES))],
        "Courses": [
            "course code,title",
            *(f"C{number},Course {number}" for number in range(COURSES)),
        ],
        "Rosters": [
            "course,student number",
            *(f"C{number % COURSES},{number:04}" for number in range(STUDENTS)),
        ],
        "Teachers of courses": [
            "course,user name",
            *(f"C{number},teacher{number}" for number in range(COURSES)),
        ],
        "Timetable": [
            "course,day,start,end,room",
            *weekly,
            f"C0,{today},{starts:%H:%M},{ends:%H:%M},R0",
        ],
    }


def test_sixty_clicks_lead_to_the_first_register_of_a_school_of_five_hundred(
    page: Page, site: Site, zone: ZoneInfo
) -> None:
    sign_in(page, site)
    hand, local = Hand(page), now().astimezone(zone)
    hand.link("Name your school")
    hand.type("Name", "Lindenhof School")
    expect(page.get_by_label("Time zone")).to_have_value(zone.key)
    hand.button("Save")
    page.goto("/")
    hand.link("Add the term")
    hand.type("Name of the term", "Autumn")
    hand.type("First day", f"{local.date()}")
    hand.type("Last day", f"{local.date() + timedelta(weeks=14)}")
    hand.button("Add term")
    page.goto("/")
    hand.clicks += 2  # back to Today, twice
    hand.link("Import: People")
    for number, (kind, lines) in enumerate(files(local + timedelta(minutes=3)).items()):
        if number:
            hand.link("Import another file")
        hand.bring_in(kind, lines)
    _take_register(page, hand)
    assert hand.clicks <= MOST_CLICKS
    assert hand.typed <= MOST_TYPED


def _take_register(page: Page, hand: Hand) -> None:
    page.goto("/")
    hand.clicks += 1
    hand.link(re.compile("C0"))
    hand.button("Present")
    expect(page.locator("tr.is-present")).to_have_count(STUDENTS // COURSES)
    hand.link("Confirm register")
    hand.button("Confirm register")
    expect(page.get_by_text("Confirmed by")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
