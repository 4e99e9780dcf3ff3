"""People of a school who sign in over the API, and their pages in a browser."""

from typing import Any

import requests
from playwright.sync_api import Browser, BrowserContext

from tests.ui.web.conftest import PASSWORD, Site


class Staff:
    """An account that is signed in over the API.

    Args:
        site: the server.
        username: the account.
        first_password: the one-time password that it got.
    """

    def __init__(self, site: Site, username: str, first_password: str) -> None:
        self._site = site
        self._http = requests.Session()
        self._http.headers["X-Requested-With"] = "rollcall"
        self.post("/sign-in", username=username, password=first_password)
        self.post("/sign-in/password", old=first_password, new=PASSWORD)

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        """Send something, and return what is answered."""
        answer = self._http.post(f"{self._site.url}/api/v1{path}", json=body, timeout=10)
        assert answer.ok, answer.text
        found: dict[str, Any] = answer.json() if answer.content else {}
        return found

    def teacher(self, username: str, *courses: str) -> "Staff":
        """Add a teacher of these courses, who is signed in then."""
        who = {"username": username, "display_name": username.title(), "role": "teacher"}
        made = self.post("/accounts", **who)
        for course in courses:
            self.post(f"/courses/{course}/teachers", account_id=made["account"]["id"])
        return Staff(self._site, username, made["one_time_password"])

    def open(self, browser: Browser, size: tuple[int, int]) -> BrowserContext:
        """Return a window of this size in which the account is signed in."""
        context = browser.new_context(
            base_url=self._site.url, viewport={"width": size[0], "height": size[1]}
        )
        context.set_default_timeout(15_000)
        context.add_cookies(
            [
                {"name": one.name, "value": one.value or "", "url": self._site.url}
                for one in self._http.cookies
            ]
        )
        return context
