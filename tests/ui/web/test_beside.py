"""The short page of a row beside a list, in a real browser, on pages that a test writes."""

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

import server.web

pytestmark = pytest.mark.browser
_STATIC = Path(server.web.__file__).parent / "static"
_SITE = "http://school.test"
ADA, BEN, GONE = (f"0000000{number}-0000-4000-8000-000000000000" for number in (1, 2, 3))
_ROWS = "".join(
    f'<a id="{name}" href="/people/{key}" data-open="{key}">{name}</a> '
    for name, key in (("ada", ADA), ("ben", BEN), ("gone", GONE))
)
_LIST = f"""<!doctype html>
<script src="/htmx.js" defer></script><script src="/beside.js" defer></script>
<div class="with-beside"><div id="list">{_ROWS}</div>
<div id="beside" data-path="/people" hidden><button data-beside-close>Close</button>
<div id="beside-part"></div></div></div>"""


def _answer(route: Route) -> None:
    path = urlsplit(route.request.url).path
    scripts = {"/htmx.js": "vendor/htmx-2.0.11.min.js", "/beside.js": "beside.js"}
    if path in scripts:
        route.fulfill(path=_STATIC / scripts[path], content_type="text/javascript")
    elif path == "/people":
        route.fulfill(body=_LIST, content_type="text/html")
    elif path.endswith("/short"):
        status = 403 if GONE in path else 200
        body = f'<h2 tabindex="-1">Short {path}</h2><a href="#">further</a>'
        route.fulfill(status=status, body=body, content_type="text/html")
    else:
        route.fulfill(body=f"<h1>Whole {path}</h1>", content_type="text/html")


def _open(browser: Browser, width: int) -> Page:
    page = browser.new_page(viewport={"width": width, "height": 700})
    page.route("**/*", _answer)
    page.goto(f"{_SITE}/people?course=7&page=2")
    return page


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = _open(browser, 1280)
    yield page
    page.close()


def _shows(page: Page, key: str) -> None:
    expect(page.locator("#beside h2")).to_have_text(f"Short /people/{key}/short")
    expect(page.locator("[aria-current]")).to_have_attribute("data-open", key)


def test_row_opens_beside_the_list_and_the_address_keeps_it(page: Page) -> None:
    page.locator("#ada").click()
    _shows(page, ADA)
    expect(page.locator("#beside h2")).to_be_focused()
    expect(page).to_have_url(f"{_SITE}/people?course=7&page=2&open={ADA}")
    page.reload()
    _shows(page, ADA)


def test_back_goes_from_row_to_row_and_to_the_list(page: Page) -> None:
    page.locator("#ada").click()
    _shows(page, ADA)
    page.locator("#ben").click()
    _shows(page, BEN)
    page.go_back()
    _shows(page, ADA)
    page.go_back()
    expect(page.locator("#beside")).to_be_hidden()
    expect(page.locator("[aria-current]")).to_have_count(0)


@pytest.mark.parametrize("way", ["escape", "button"])
def test_closing_returns_to_the_row(page: Page, way: str) -> None:
    page.locator("#ben").press("Enter")
    _shows(page, BEN)
    {
        "escape": lambda: page.keyboard.press("Escape"),
        "button": lambda: page.locator("[data-beside-close]").click(),
    }[way]()
    expect(page.locator("#beside")).to_be_hidden()
    expect(page.locator("#ben")).to_be_focused()
    expect(page).to_have_url(f"{_SITE}/people?course=7&page=2")


def test_what_cannot_be_shown_says_why_on_its_own_page(page: Page) -> None:
    page.locator("#gone").click()
    expect(page.locator("h1")).to_have_text(f"Whole /people/{GONE}")


def test_back_from_what_cannot_be_shown_returns_to_the_list(page: Page) -> None:
    page.locator("#ada").click()
    _shows(page, ADA)
    page.locator("#gone").click()
    expect(page.locator("h1")).to_have_text(f"Whole /people/{GONE}")
    page.go_back()
    _shows(page, ADA)


def test_going_back_to_the_list_keeps_the_keyboard_at_the_row(page: Page) -> None:
    page.locator("#ben").press("Enter")
    _shows(page, BEN)
    expect(page.locator("#beside h2")).to_be_focused()
    page.go_back()
    expect(page.locator("#beside")).to_be_hidden()
    expect(page.locator("#ben")).to_be_focused()


def test_short_page_that_asks_again_keeps_the_keyboard_at_its_link(page: Page) -> None:
    asked = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        body = (
            f'<div class="short" id="short" hx-get="/people/{ADA}/short" hx-trigger="again"'
            f' hx-swap="outerHTML"><h2 tabindex="-1">Asked {len(asked)}</h2>'
            '<a id="short-open" href="#">Open</a></div>'
        )
        route.fulfill(body=body, content_type="text/html")

    page.route(f"**/people/{ADA}/short", answer)
    page.locator("#ada").click()
    expect(page.locator("#beside h2")).to_be_focused()
    page.locator("#short-open").focus()
    page.evaluate("htmx.trigger('#short', 'again')")
    expect(page.locator("#beside h2")).to_have_text("Asked 2")
    expect(page.locator("#short-open")).to_be_focused()


def test_narrow_screen_opens_the_page(browser: Browser) -> None:
    page = _open(browser, 1279)
    page.locator("#ada").click()
    expect(page).to_have_url(re.compile(f"/people/{ADA}$"))
    page.goto(f"{_SITE}/people?open={ADA}")
    expect(page.locator("#beside")).to_be_hidden()
    page.close()


def test_address_that_names_no_row_shows_the_list(page: Page) -> None:
    page.goto(f"{_SITE}/people?open=../users")
    expect(page.locator("#beside")).to_be_hidden()
