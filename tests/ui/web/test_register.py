"""The live register and the kiosk's claim code, in a real browser against a real server."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from server.db.types import now
from tests.fakes.simulated_kiosk import SimulatedKiosk
from tests.ui.web.conftest import PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.integration]
NAMES = ("Ada Lovelace", "Benjamin Okafor")


@dataclass
class Lesson:
    """A running lesson with two people due and a claimed kiosk."""

    site: Site
    http: requests.Session
    lesson_id: str
    kiosk_id: str
    people: list[str]
    device: SimulatedKiosk
    token: str

    def see(self, person: int) -> None:
        """Let the kiosk see somebody."""
        event = self.device.event(now(), person_id=self.people[person], lesson_id=self.lesson_id)
        answer = requests.post(
            f"{self.site.url}/api/v1/sync/events",
            data=self.device.batch([event]),
            headers={"Authorization": f"Device {self.token}"},
            timeout=10,
        )
        assert answer.json()["refused"] == []


@pytest.fixture
def lesson(site: Site) -> Lesson:
    """The lesson, made over the API."""
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
    people = []
    for number, name in enumerate(NAMES):
        given, family = name.split()
        person = post("/people", student_number=f"S{number}", given_name=given, family_name=family)
        post(f"/courses/{course}/roster", person_id=person["id"])
        people.append(person["id"])
    times = {"starts_at": now() - timedelta(minutes=2), "ends_at": now() + timedelta(minutes=40)}
    meeting = post(
        "/lessons",
        course_id=course,
        room_id=room,
        **{name: at.isoformat() for name, at in times.items()},
    )
    kiosk = post("/kiosks", name="R12 door", room_id=room)
    device = SimulatedKiosk(kiosk_id=kiosk["id"])
    claim = device.claim_request(kiosk["claim_code"]).model_dump(mode="json")
    token = post("/devices/claim", **claim)["device_token"]
    return Lesson(site, http, meeting["id"], kiosk["id"], people, device, token)


@pytest.fixture(params=[(1366, 768), (390, 844)], ids=["laptop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, lesson: Lesson) -> Iterator[Page]:
    """A signed-in page that fails its test on any error in the browser's console."""
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_cookies(
        [
            {"name": cookie.name, "value": cookie.value or "", "url": lesson.site.url}
            for cookie in lesson.http.cookies
        ]
    )
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    yield opened
    context.close()
    assert problems == []


def test_who_is_seen_appears_without_a_reload(lesson: Lesson, page: Page) -> None:
    page.goto(f"{lesson.site.url}/lessons/{lesson.lesson_id}")
    expect(page.locator("tr.is-expected")).to_have_count(2)
    lesson.see(0)
    expect(page.locator("tr.is-present")).to_contain_text(NAMES[0])
    expect(page.locator(".tally-count")).to_have_text(re.compile(r"1\s*/\s*2"))
    lesson.see(1)
    expect(page.locator("tr.is-present")).to_have_count(2)


def test_correction_by_hand_shows_on_the_register(lesson: Lesson, page: Page) -> None:
    page.goto(f"{lesson.site.url}/lessons/{lesson.lesson_id}")
    page.get_by_role("link", name=f"{NAMES[1]} S1").click()
    page.get_by_text("Excused", exact=True).click()
    page.get_by_label("Reason", exact=True).fill("Medical appointment")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("tr.is-excused")).to_contain_text(NAMES[1])


def test_live_part_that_is_still_right_is_not_replaced(lesson: Lesson, page: Page) -> None:
    answers: list[int] = []
    page.on(
        "response", lambda one: answers.append(one.status) if one.url.endswith("/jobs") else None
    )
    page.goto(f"{lesson.site.url}/jobs")
    ask = """() => htmx.ajax("GET", "/jobs",
        {source: "#jobs", target: "#jobs", select: "#jobs", swap: "outerHTML"})"""

    page.evaluate(ask)
    page.locator("#jobs").evaluate("part => { part.dataset.mark = 'kept'; }")
    page.evaluate(ask)

    assert answers == [200, 200, 304]
    expect(page.locator("#jobs")).to_have_attribute("data-mark", "kept")
    assert page.locator("#jobs").inner_text().strip()


def test_claim_code_is_large_and_shown_once(lesson: Lesson, page: Page) -> None:
    page.goto(f"{lesson.site.url}/kiosks/{lesson.kiosk_id}")
    page.get_by_role("button", name="New claim code").click()
    code = page.locator(".claim-code")
    expect(code).to_have_text(re.compile(r"^[0-9A-HJKMNP-TV-Z]{8}$"))
    size = code.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
    assert size >= 28
    page.goto(f"{lesson.site.url}/kiosks/{lesson.kiosk_id}")
    expect(page.locator(".claim-code")).to_have_count(0)


@dataclass
class Taps:
    """Counts what a finger or mouse does."""

    page: Page
    count: int = 0

    def __call__(self, name: str, role: Any = "button") -> None:
        self.page.get_by_role(role, name=name).first.click()
        self.count += 1


def test_register_of_thirty_with_two_absences_takes_six_taps(lesson: Lesson, page: Page) -> None:
    _add_people(lesson, 28)
    page.goto(f"{lesson.site.url}/lessons/{lesson.lesson_id}")
    taps = Taps(page)
    taps("Present")  # everyone who is left
    expect(page.locator("tr.is-present")).to_have_count(30)
    for name in NAMES:
        taps(f"{name}: Present. Change to Absent")
        row = page.locator("tr", has_text=name)
        expect(row).to_have_class("is-absent")
        expect(row.locator("button.tap")).to_be_focused()
    expect(page.locator(".tally-count")).to_have_text(re.compile(r"28\s*/\s*30"))
    taps("Confirm register", "link")
    taps("Confirm register")
    expect(page.get_by_text("Confirmed by")).to_be_visible()
    assert taps.count <= 6
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_menu_of_a_line_offers_every_code_and_gives_the_keyboard_back(
    lesson: Lesson, page: Page
) -> None:
    page.goto(f"{lesson.site.url}/lessons/{lesson.lesson_id}")
    page.get_by_role("link", name=f"All codes for {NAMES[0]}").click()
    dialog = page.get_by_role("dialog", name=NAMES[0])
    dialog.get_by_role("button", name="Late").click()
    expect(dialog).to_be_hidden()
    row = page.locator("tr", has_text=NAMES[0])
    expect(row).to_have_class("is-late")
    expect(row.locator("button.tap")).to_be_focused()
    page.get_by_role("link", name=f"All codes for {NAMES[1]}").click()
    page.get_by_role("dialog", name=NAMES[1]).get_by_role("link", name="Excused").click()
    page.get_by_label("Reason", exact=True).fill("Illness")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("tr.is-excused")).to_contain_text(NAMES[1])


def test_several_students_get_one_code_and_one_reason_and_undo_takes_it_back(
    lesson: Lesson, page: Page
) -> None:
    page.goto(f"{lesson.site.url}/lessons/{lesson.lesson_id}")
    page.get_by_role("link", name="Change several").click()
    page.get_by_role("link", name="Everyone").click()
    page.get_by_text("Excused", exact=True).click()
    page.get_by_label("Reason", exact=True).fill("School trip")
    page.get_by_role("button", name="Set for the chosen students").click()
    expect(page.locator("tr.is-excused")).to_have_count(2)
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("tr.is-expected")).to_have_count(2)


def _add_people(lesson: Lesson, number: int) -> None:
    url = f"{lesson.site.url}/api/v1"
    course = lesson.http.get(f"{url}/courses", timeout=10).json()
    course_id = (course if isinstance(course, list) else course["courses"])[0]["id"]
    for at in range(number):
        body = {"student_number": f"T{at}", "given_name": f"Given{at}", "family_name": "Test"}
        person = lesson.http.post(f"{url}/people", json=body, timeout=10).json()["id"]
        answer = lesson.http.post(
            f"{url}/courses/{course_id}/roster", json={"person_id": person}, timeout=10
        )
        assert answer.ok


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/lessons",
        "/lessons/new",
        "/kiosks",
        "/courses",
        "/rooms",
        "/terms",
        "/past-changes",
        "/timetable",
    ],
)
def test_nothing_is_wider_than_the_screen(lesson: Lesson, page: Page, path: str) -> None:
    page.goto(lesson.site.url + path)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_keyboard_stays_where_it_is_when_the_register_changes(lesson: Lesson, page: Page) -> None:
    page.goto(f"{lesson.site.url}/lessons/{lesson.lesson_id}")
    page.evaluate(_MARK)
    links = page.locator("#live a")
    for at in range(links.count()):
        links.nth(at).focus()
        before = page.evaluate(_FOCUSED)
        lesson.see(at % 2)
        lesson.see((at + 1) % 2)
        _wait_for_refresh(page)
        assert page.evaluate(_FOCUSED) == before
        assert before != ""


#: The text and target of the focused link; empty where the page itself has the focus.
_FOCUSED = (
    "() => { const one = document.activeElement; return (one.href || '') + one.textContent; }"
)
_MARK = "() => { document.getElementById('live').dataset.seen = 'yes'; }"


def _wait_for_refresh(page: Page) -> None:
    """Wait until the part that changes was replaced, and mark the new one."""
    page.wait_for_selector("#live:not([data-seen])", timeout=15_000)
    page.evaluate(_MARK)
