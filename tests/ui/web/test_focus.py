"""The keyboard stays in a part of a page that is replaced, whatever is replaced beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

import server.web

pytestmark = pytest.mark.browser
_SCRIPT = Path(server.web.__file__).parent / "static" / "focus.js"
_PARTS = """
<div id="first"><a href="#1">one</a><a href="#2">two</a></div>
<div id="second"><a href="#1">one</a><a href="#2">two</a></div>
<div><a href="#3">outside</a></div>
"""
# What htmx does with answers, in a given order of swaps (part) and settlings (!part).
_REPLACE = """(steps) => {
  for (const step of steps) {
    const id = step.replace("!", "");
    const target = document.getElementById(id);
    const name = step.startsWith("!") ? "htmx:afterSettle" : "htmx:beforeSwap";
    document.dispatchEvent(new CustomEvent(name, { detail: { target } }));
    if (!step.startsWith("!")) target.replaceWith(target.cloneNode(true));
  }
  const one = document.activeElement;
  return `${one.parentElement.id} ${one.textContent}`;
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A page of two parts with links, and one link outside of them."""
    page = browser.new_page()
    page.set_content(_PARTS)
    page.add_script_tag(path=_SCRIPT)
    yield page
    page.close()


@pytest.mark.parametrize("part", ["first", "second"])
@pytest.mark.parametrize(
    "steps",
    [
        ["first", "!first", "second", "!second"],
        ["first", "second", "!first", "!second"],
        ["second", "first", "!first", "!second"],
        ["first", "second", "!second", "!first"],
        ["first", "first", "second", "!second", "!first", "!first"],
    ],
)
def test_two_parts_may_be_replaced_at_once(page: Page, part: str, steps: list[str]) -> None:
    page.locator(f"#{part} a").nth(1).focus()
    assert page.evaluate(_REPLACE, steps) == f"{part} two"


def test_a_link_outside_keeps_the_keyboard(page: Page) -> None:
    page.get_by_text("outside").focus()
    steps = ["first", "second", "!second", "!first"]
    assert page.evaluate(_REPLACE, steps) == " outside"
