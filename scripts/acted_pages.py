"""Open what a page shows only after a click, for its picture."""

from playwright.sync_api import Page

#: What is clicked on the page of a name, and what is there afterwards.
_CLICKS = {
    "register-menu": (".row-more", "dialog[open]"),
    "calendar-feed-shown": ("form[action$='/calendar-feed'] .button", "#address"),
    "password-slips": ("form .primary", ".slips"),
    "recognitions-correct": (".recognitions details.confirm summary", "#other-1"),
}


def act_on_page(page: Page, name: str) -> None:
    """Click where the page of this name needs it."""
    if name in _CLICKS:
        clicked, shown = _CLICKS[name]
        page.locator(f"main {clicked}").first.click()
        page.locator(shown).first.wait_for()
