"""What a person does on the pages on the way to a photo."""

from collections.abc import Iterator

from playwright.sync_api import Browser, Page, expect

from tests.ui.web.conftest import PASSWORD, Site


def open_page(browser: Browser, site: Site, **options: object) -> Iterator[Page]:
    context = browser.new_context(base_url=site.url, **options)  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    page = context.new_page()
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda m: problems.append(m.text) if m.type == "error" else None)
    yield page
    context.close()
    assert problems == []


def sign_in(page: Page, site: Site) -> None:
    page.goto("/people")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(site.one_time_password)
    page.keyboard.press("Enter")
    page.get_by_label("Current password").fill(site.one_time_password)
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Today", exact=True)).to_be_visible()


def add_person(page: Page) -> str:
    page.goto("/people/new")
    page.get_by_label("Given name").fill("Zaynab")
    page.get_by_label("Family name").fill("Ünsal")
    page.get_by_label("Student number").fill("S-1001")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Zaynab Ünsal")).to_be_visible()
    return page.url


def give_consent(page: Page) -> None:
    page.get_by_role("link", name="Record consent").click()
    page.get_by_label("Said by").fill("Leyla Ünsal")
    page.get_by_label("Version of the text").fill("2026-09")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Leyla Ünsal")).to_be_visible()


def open_capture(page: Page) -> None:
    """Go to the page that takes photos, and wait for its script: without it, it works as a form."""
    page.get_by_role("link", name="Take a photo").click()
    expect(page.locator("#upload")).to_be_hidden()
    page.wait_for_load_state("load")


def open_camera(page: Page, site: Site) -> None:
    """Everything up to the live picture."""
    sign_in(page, site)
    add_person(page)
    give_consent(page)
    open_capture(page)
    page.get_by_role("button", name="Start camera").click()
    expect(page.locator("#oval")).to_be_visible()


def take_photo(page: Page) -> None:
    page.get_by_role("button", name="Take photo").click()
    page.get_by_role("button", name="Use this photo").click()
