"""The office brings people in from a file, in a real browser; a second time nothing changes."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.zips import zip_of
from tests.ui.web.conftest import Site
from tests.ui.web.steps import open_page, sign_in

pytestmark = [pytest.mark.browser, pytest.mark.integration]
FILE = (
    "Pupil;Vorname;Nachname;Geburtsjahr\n"
    "007;Ada;Lovelace;2011\n"
    "008;Zoë;Müller;2012\n"
    ";Nobody;Here;2012\n"
    "009;Ben;Okafor;soon\n"
).encode("cp1252")


@pytest.fixture(params=[(1366, 768), (390, 844)], ids=["laptop", "phone"])
def page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    """A page that fails its test on any error in the browser's console."""
    width, height = request.param
    yield from open_page(browser, site, viewport={"width": width, "height": height})


def upload_and_check(page: Page) -> None:
    page.goto("/imports")
    page.get_by_role("link", name="Import a file").click()
    page.get_by_role("radio", name=re.compile("^People")).check()
    content = {"name": "people.csv", "mimeType": "text/csv", "buffer": FILE}
    page.get_by_label("File", exact=True).set_input_files(content)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and continue").click()
    expect(page.get_by_role("cell", name="Müller")).to_be_visible()
    page.get_by_label("Student number").select_option("Pupil")
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", name="This is what the import would do")).to_be_visible()


def test_a_file_with_wrong_rows_is_imported_and_changes_nothing_twice(
    page: Page, site: Site
) -> None:
    sign_in(page, site)
    upload_and_check(page)
    expect(page.get_by_text("Student number: the cell is empty.")).to_be_visible()
    expect(page.get_by_text("Year of birth: this is not a year of birth.")).to_be_visible()
    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_role("heading", name="The file was imported")).to_be_visible()
    page.get_by_role("link", name="2 New").click()
    expect(page.get_by_role("cell", name="008 · Zoë Müller")).to_be_visible()
    upload_and_check(page)
    expect(page.get_by_text("The file would change nothing.")).to_be_visible()
    page.goto("/people")
    expect(page.get_by_text("Lovelace, Ada")).to_be_visible()


def test_an_archive_of_photos_is_sent_in_pieces_and_judged(page: Page, site: Site) -> None:
    sign_in(page, site)
    page.goto("/imports/new")
    page.get_by_role("radio", name=re.compile("^Photos")).check()
    photo = b"\xff\xd8\xff" + bytes(range(256)) * 10_000
    archive = zip_of({"4711.jpg": photo})
    content = {"name": "photos.zip", "mimeType": "application/zip", "buffer": archive}
    page.get_by_label("File", exact=True).set_input_files(content)  # type: ignore[arg-type]
    page.get_by_role("button", name="Upload and continue").click()
    expect(page.get_by_role("heading", name="This is what the import would do")).to_be_visible()
    expect(page.get_by_text("4711.jpg")).to_be_visible()
    page.get_by_text("Delete the file and the report", exact=True).click()
    page.get_by_role("button", name="Delete them").click()
