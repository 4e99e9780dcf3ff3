"""Walk every route of one's own two-step sign-in, by API and by page."""

import re
from dataclasses import dataclass

import pyotp
from starlette.testclient import TestClient

from tests.support.audit_walk import Walk

API = "/api/v1/sign-in/second-factor"
PAGE = "/second-factor"


@dataclass(frozen=True)
class SecondStepWalk:
    """An account without a second step walks.

    Attributes:
        walk: notes what was called.
        client: of the account; its sign-in begins here.
        known: its name and password.
    """

    walk: Walk
    client: TestClient
    known: dict[str, str]

    def by_api(self) -> None:
        """Set it up, sign in with it, and switch it off."""
        do, own = self.walk.do, self.client
        assert own.post("/api/v1/sign-in", json=self.known).status_code == 200
        again = {"password": self.known["password"]}
        started = do("POST", API, "account.start_second_factor", client=own, json=again)
        body = {"code": pyotp.TOTP(started.json()["secret"]).now()}
        added = do("POST", f"{API}/confirm", "account.add_second_factor", client=own, json=body)
        body = {"code": added.json()["recovery_codes"][0]}
        route = f"{API}/recovery-codes"
        renewed = do("POST", route, "account.renew_recovery_codes", client=own, json=body)
        first, second = renewed.json()["recovery_codes"][:2]
        assert own.post("/api/v1/sign-in", json=self.known).json()["step"] == "code"
        route = "/api/v1/sign-in/code"
        do("POST", route, "account.sign_in", client=own, json={"code": first})
        body = {"code": second}
        do("POST", f"{API}/remove", "account.remove_second_factor", client=own, json=body)

    def by_page(self) -> None:
        """The same on the pages."""
        do, own = self.walk.do, self.client
        again = {"password": self.known["password"]}
        do("POST", f"{PAGE}/start", "account.start_second_factor", client=own, data=again)
        body = {"code": pyotp.TOTP(_secret(own.get(PAGE).text)).now()}
        page = do("POST", f"{PAGE}/confirm", "account.add_second_factor", client=own, data=body)
        body = {"code": _recovery_codes(page.text)[0]}
        route = f"{PAGE}/recovery-codes"
        page = do("POST", route, "account.renew_recovery_codes", client=own, data=body)
        first, second = _recovery_codes(page.text)[:2]
        assert own.post("/sign-in", data=self.known).status_code == 303
        do("POST", "/sign-in/code", "account.sign_in", client=own, data={"code": first})
        body = {"code": second}
        do("POST", f"{PAGE}/remove", "account.remove_second_factor", client=own, data=body)


def _secret(page: str) -> str:
    found = re.search(r"\b[A-Z2-7]{32}\b", re.sub(r"(?<=[A-Z2-7]) (?=[A-Z2-7])", "", page))
    assert found is not None, page
    return found[0]


def _recovery_codes(page: str) -> list[str]:
    return re.findall(r"\b[0-9a-z]{4}(?:-[0-9a-z]{4}){3}\b", page)
