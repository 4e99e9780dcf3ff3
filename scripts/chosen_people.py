"""Opens the filters of the list of people, and chooses rows of lists, for pictures."""

from playwright.sync_api import Page


def act_on_people(page: Page, name: str) -> None:
    """Open the filters, or choose four people; add them where the picture shows what came of it."""
    if name == "people-filters":
        page.locator(".filters > summary").click()
        return
    choose_rows(page)
    if name == "people-chosen-done":
        page.locator("form[action$='/add'] .button").click()
        page.wait_for_selector("#skipped")


def choose_rows(page: Page) -> None:
    """Choose the first four rows of a list, and go on to what can be done with them."""
    boxes = page.locator(".choose input")
    for at in range(4):
        boxes.nth(at).check()
    page.locator(".choose-bar .button").click()
    page.wait_for_selector("#who, #which")
