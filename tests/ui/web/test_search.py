"""The key that goes to the search field, in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

import server.web

pytestmark = pytest.mark.browser
_SCRIPT = Path(server.web.__file__).parent / "static" / "search.js"
_BODY = """
<div hidden><input data-search id="hidden"></div>
<input data-search id="shown"><textarea id="text"></textarea><button id="button">Save</button>
"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.set_content(_BODY)
    page.add_script_tag(path=_SCRIPT)
    yield page
    page.close()


def test_slash_goes_to_the_field_that_is_shown(page: Page) -> None:
    page.locator("#button").focus()
    page.keyboard.press("/")
    expect(page.locator("#shown")).to_be_focused()
    assert page.locator("#shown").input_value() == ""


def test_slash_is_a_letter_where_a_person_types(page: Page) -> None:
    page.locator("#text").focus()
    page.keyboard.press("/")
    expect(page.locator("#text")).to_have_value("/")


def test_shortcuts_of_the_browser_stay(page: Page) -> None:
    page.locator("#button").focus()
    page.keyboard.press("Control+/")
    expect(page.locator("#button")).to_be_focused()
