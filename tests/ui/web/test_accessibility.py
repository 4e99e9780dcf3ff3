"""No page has an accessibility fault that axe finds, in light and dark, in English and Arabic."""

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from scripts import pages

pytestmark = [pytest.mark.browser, pytest.mark.integration]
AXE = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
#: WCAG 2.2 at level AA, and what axe calls good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RUN = "options => axe.run(document, options)"
_DARK = "theme => { document.documentElement.dataset.theme = theme; }"
#: One page of each kind; each is read in one language, and in light and dark.
PAGES = {
    "en": (
        "today",
        "person",
        "credentials-course",
        "enrol",
        "register",
        "kiosk",
        "policy",
        "audit",
        "course",
        "import-columns",
        "import-changed",
        "users",
        "search",
        "school",
        "new-token",
        "reports",
        "absence",
        "on-site",
        "timetable-lesson",
        "people-filters",
    ),
    "ar": (
        "absences",
        "absence-new",
        "guardians",
        "people",
        "courses",
        "credentials",
        "own-gone",
        "consent",
        "line",
        "lessons",
        "kiosks",
        "accuracy",
        "policy-room",
        "models",
        "terms",
        "import-new",
        "import-checked",
        "jobs",
        "first-steps",
        "reports-not-taken",
        "timetable-add",
    ),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pages.Site]:
    """A server with an invented school on every page, and no recognition service."""
    folder = tmp_path_factory.mktemp("pages")
    with pages.running_site(folder, "http://127.0.0.1:9") as running:
        yield running


def signed_in(browser: Browser, site: pages.Site, language: str) -> Page:
    context = browser.new_context(viewport={"width": 1366, "height": 768}, reduced_motion="reduce")
    cookie = {"name": "rollcall_language", "value": language, "url": site.url}
    light = {"name": "rollcall_theme", "value": "light", "url": site.url}
    context.add_cookies([cookie, light])  # type: ignore[list-item]
    page = context.new_page()
    page.goto(f"{site.url}/sign-in")
    return page


def faults(page: Page, where: str, *, tags: list[str]) -> list[str]:
    """Return one line for each element that breaks a rule."""
    options: dict[str, Any] = {"runOnly": tags, "resultTypes": ["violations"]}
    found = page.evaluate(_RUN, options)["violations"]
    return [
        f"{where}: {rule['id']} {node['target']} {node['html'][:120]}"
        for rule in found
        for node in rule["nodes"]
    ]


def looked_at(page: Page, where: str) -> list[str]:
    """Judge a page in light, and its colours in dark too."""
    page.evaluate(AXE)
    found = faults(page, f"{where} light", tags=RULES)
    page.evaluate(_DARK, "dark")
    return found + faults(page, f"{where} dark", tags=["color-contrast"])


def enter(page: Page, site: pages.Site) -> None:
    """Sign in as the administrator."""
    page.goto(f"{site.url}/sign-in")
    page.locator("#username").fill("admin")
    page.locator("#password").fill(pages._PASSWORD)
    page.locator("button.primary").click()
    page.wait_for_url(f"{site.url}/")


def test_axe_finds_no_fault_in_what_has_content_or_opens(
    browser: Browser, site: pages.Site
) -> None:
    page = signed_in(browser, site, "ar")
    enter(page, site)
    found: list[str] = []
    for name in (
        "people-filters",
        "people-chosen",
        "people-chosen-done",
        "calendar-feed-shown",
        "recognitions-correct",
        "register-menu",
        "moved-marks",
        "group",
    ):
        page.goto(site.url + pages._address(page, site, name))
        pages._act(page, site, name)
        found += looked_at(page, name)
    page.context.close()

    assert found == []


@pytest.mark.parametrize("language", ["en", "ar"])
def test_axe_finds_no_fault_on_any_page(browser: Browser, site: pages.Site, language: str) -> None:
    page = signed_in(browser, site, language)
    found = looked_at(page, f"sign-in {language}")
    enter(page, site)
    site.lose_events()
    for name in PAGES[language]:
        page.goto(site.url + pages._address(page, site, name))
        found += looked_at(page, f"{name} {language}")
    page.context.close()

    assert found == []


def test_pages_keep_their_titles_on_paper(browser: Browser, site: pages.Site) -> None:
    page = signed_in(browser, site, "en")
    enter(page, site)
    page.emulate_media(media="print")
    untitled: list[str] = []
    for name in ("register", "kiosk", "course", "today", "lessons", "person-attendance", "reports"):
        page.goto(site.url + pages._address(page, site, name))
        if not page.locator("h1").first.is_visible() or page.locator(".crumb").first.is_visible():
            untitled.append(name)
    page.context.close()

    assert untitled == []
