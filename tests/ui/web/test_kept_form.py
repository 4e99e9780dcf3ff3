"""What a person typed is still there after the sign-in has ended, in a real browser."""

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.ui.web.conftest import PASSWORD, Site

pytestmark = [pytest.mark.browser, pytest.mark.integration]


def test_form_typed_before_the_sign_in_ended_is_sent_after_the_next_one(
    browser: Browser, site: Site
) -> None:
    http = requests.Session()
    http.headers["X-Requested-With"] = "rollcall"
    first = site.one_time_password
    api = f"{site.url}/api/v1"
    assert http.post(f"{api}/sign-in", json={"username": "admin", "password": first}).ok
    assert http.post(f"{api}/sign-in/password", json={"old": first, "new": PASSWORD}).ok
    page = browser.new_context(viewport={"width": 390, "height": 844}).new_page()
    page.goto(f"{site.url}/sign-in")
    page.locator("#username").fill("admin")
    page.locator("#password").fill(PASSWORD)
    page.locator("button.primary").click()
    page.goto(f"{site.url}/people/new")
    page.locator("#student_number").fill("S-77")
    page.locator("#given_name").fill("Zoë")
    page.locator("#family_name").fill("O'Neil")
    cookies = {one["name"]: one["value"] for one in page.context.cookies()}
    requests.delete(
        f"{api}/sign-in", cookies=cookies, headers={"X-Requested-With": "rollcall"}, timeout=30
    ).raise_for_status()
    page.locator("main button.primary").click()

    expect(page.locator(".notice")).to_contain_text("What you typed is kept for you")
    page.locator("#username").fill("admin")
    page.locator("#password").fill(PASSWORD)
    page.locator("button.primary").click()
    expect(page.locator(".facts")).to_contain_text("Zoë")
    page.get_by_role("button", name="Send it now").click()

    expect(page.locator("h1")).to_contain_text("O'Neil")
    page.context.close()
