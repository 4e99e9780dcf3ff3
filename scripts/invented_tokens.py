"""Make API tokens in the browser, for the pictures of their pages."""

from playwright.sync_api import Page

_TOKENS = (
    ("Timetable software", ("people:read", "timetable:read", "timetable:write"), "365"),
    ("Monthly report for the district", ("attendance:read",), "90"),
)


def act_on_tokens(page: Page, name: str, password: str) -> None:
    """Create tokens on the page of a new one, and open the page that is to be seen."""
    if name not in ("tokens", "tokens-everybody", "token-shown", "revoke-token"):
        return
    origin = page.url.removesuffix("/tokens/new")
    for token in _TOKENS:
        page.goto(f"{origin}/tokens/new")
        _create(page, token, password)
    if name == "tokens":
        page.goto(f"{origin}/tokens")
    if name == "tokens-everybody":
        page.goto(f"{origin}/tokens/everybody")
    if name == "revoke-token":
        page.goto(f"{origin}/tokens")
        page.locator("a[href$='/revoke']").first.click()
        page.wait_for_selector("form[action$='/revoke']")


def _create(page: Page, token: tuple[str, tuple[str, ...], str], password: str) -> None:
    title, scopes, days = token
    page.locator("#name").fill(title)
    for scope in scopes:
        page.locator(f"input[value='{scope}']").check()
    page.locator("#days").select_option(days)
    page.locator("#password").fill(password)
    page.locator("main button.primary").click()
    page.wait_for_selector("#token")
