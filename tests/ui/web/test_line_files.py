"""A photo of a note on a line, and an excuse with a note: who sees what, in a real browser."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from server.db.types import now
from tests.support.documents import tiny_jpeg, tiny_pdf
from tests.ui.web.conftest import Site
from tests.ui.web.staff import Staff

pytestmark = [pytest.mark.browser, pytest.mark.integration]
PHOTO = {"name": "IMG_0007.jpg", "mimeType": "image/jpeg", "buffer": tiny_jpeg()}
NOTE = {"name": "note.pdf", "mimeType": "application/pdf", "buffer": tiny_pdf()}


@dataclass
class School:
    """Pages of the office, two teachers of the lesson's course, and one of another course."""

    lesson: str
    office: Page
    teacher: Page
    colleague: Page
    stranger: Page


@pytest.fixture(params=[(1366, 768), (390, 844)], ids=["laptop", "phone"])
def school(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[School]:
    """A running lesson with Ada in it."""
    office = Staff(site, "admin", site.one_time_password)
    room = office.post("/rooms", name="R12")["id"]
    course = office.post("/courses", code="BIO-9", title="Biology")["id"]
    other = office.post("/courses", code="ART-1", title="Art")["id"]
    ada = office.post("/people", student_number="S1", given_name="Ada", family_name="Lovelace")
    office.post(f"/courses/{course}/roster", person_id=ada["id"])
    begins = now()
    times = {"starts_at": begins.isoformat(), "ends_at": (begins + timedelta(hours=1)).isoformat()}
    lesson = office.post("/lessons", course_id=course, room_id=room, **times)["id"]
    staff = [office]
    staff += [office.teacher(name, one) for name, one in (("vogel", course), ("weber", course))]
    staff.append(office.teacher("lind", other))
    contexts = [one.open(browser, request.param) for one in staff]
    problems: list[str] = []
    for context in contexts:
        context.on("weberror", lambda error: problems.append(str(error.error)))
    yield School(f"/lessons/{lesson}", *(context.new_page() for context in contexts))
    for context in contexts:
        context.close()
    assert problems == []


def _photo_of_a_note(school: School) -> None:
    """A teacher adds it to a line, a colleague sees that it is there, a stranger nothing."""
    page = school.teacher
    page.goto(school.lesson)
    page.get_by_role("link", name="All codes for Ada Lovelace").click()
    page.get_by_role("dialog").get_by_role("link", name="Add a photo or PDF").click()
    chooser = page.get_by_label("Take a photo or choose a file")
    expect(chooser).to_be_in_viewport()
    assert chooser.get_attribute("accept") == "image/*,application/pdf"
    chooser.set_input_files(PHOTO)  # type: ignore[arg-type]
    page.get_by_role("button", name="Add file").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("^JPEG")).click()
    assert download.value.path().read_bytes() == tiny_jpeg()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    colleague = school.colleague
    colleague.goto(school.lesson)
    expect(colleague.locator("tr", has_text="Ada Lovelace")).to_contain_text("1 file")
    colleague.get_by_role("link", name="Ada Lovelace S1").click()
    files = colleague.locator("#files")
    expect(files).to_contain_text(re.compile("JPEG.*Vogel", re.DOTALL))
    expect(files.get_by_role("link")).to_have_count(0)
    expect(files.get_by_text("Delete", exact=True)).to_have_count(0)

    answer = school.stranger.goto(school.lesson)
    assert answer is not None
    assert answer.status == 403
    expect(school.stranger.locator("main")).not_to_contain_text("Ada")
    school.stranger.goto("/lessons")
    expect(school.stranger.locator("main")).not_to_contain_text("BIO-9")

    page.locator("#files").get_by_text("Delete", exact=True).click()
    page.get_by_role("button", name="Delete this file?").click()
    page.goto(school.lesson)
    expect(page.locator("tr", has_text="Ada Lovelace")).not_to_contain_text("1 file")


def _excuse_with_a_note(school: School) -> None:
    """The office enters it and opens the note; the teacher sees that it is excused."""
    page = school.office
    page.goto("/absences/new")
    page.locator("main").get_by_role("searchbox").fill("lovel")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Choose Ada Lovelace").click()
    page.get_by_label("Reason").select_option("Doctor's appointment")
    page.get_by_label("Note").fill("Knee operation")
    page.get_by_role("button", name="Save absence").click()
    page.get_by_label("Choose a file").set_input_files(NOTE)  # type: ignore[arg-type]
    page.get_by_role("button", name="Attach").click()
    with page.expect_download() as download:
        page.get_by_role("link", name=re.compile("PDF")).click()
    assert download.value.path().read_bytes() == tiny_pdf()

    teacher = school.teacher
    teacher.goto(school.lesson)
    row = teacher.locator("tr.is-excused", has_text="Ada Lovelace")
    expect(row).to_contain_text("Reported, excused")
    expect(row).not_to_contain_text("file")
    teacher.get_by_role("link", name="Ada Lovelace S1").click()
    expect(teacher.locator("main")).not_to_contain_text("Knee operation")
    expect(teacher.locator(".facts")).not_to_contain_text("Doctor")
    answer = teacher.goto(page.url)
    assert answer is not None
    assert answer.status == 403


def test_notes_are_opened_by_few_and_reasons_stay_in_the_office(school: School) -> None:
    """Two journeys in one school: making its accounts takes longer than both."""
    _photo_of_a_note(school)
    _excuse_with_a_note(school)
