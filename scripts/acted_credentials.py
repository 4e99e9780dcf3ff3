"""What is done on the pages of credentials before they are photographed."""

from urllib.parse import urlsplit

from playwright.sync_api import Page


def act_on_credentials(page: Page, name: str) -> None:
    """Show a PIN, or make a link and open its page."""
    if name == "credentials-pin":
        page.locator("form[action$='/pin/show'] button").click()
        page.wait_for_selector("#shown-pin")
    if name in ("credentials-link", "own-code", "own-offline"):
        page.locator("form[action$='/link'] button").click()
        page.wait_for_selector("#own-address")
    if name in ("own-code", "own-offline"):
        _open_own_page(page, is_offline=name == "own-offline")


def _open_own_page(page: Page, *, is_offline: bool) -> None:
    """Open the page of the link that was just made, and take the network from it where asked."""
    path = "/me/" + page.locator("#own-address").inner_text().rsplit("/", 1)[1]
    page.goto("{0.scheme}://{0.netloc}".format(urlsplit(page.url)) + path)
    page.wait_for_selector("#own-code svg")
    if is_offline:
        page.context.set_offline(True)
        page.evaluate("htmx.trigger('#own-code', 'refresh')")
        page.wait_for_selector("#own-offline:not([hidden])")
        page.context.set_offline(False)
