"""Who asks: the sign-in, the browser and the address of a request."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import Response

from server.accounts.service import normalise
from server.accounts.tables import Account
from server.accounts.throttle import GuessPlace
from server.web.cookies import SignInCookies
from server.web.state import CookiesDep


@dataclass(frozen=True)
class SignInOrigin:
    """Where a request comes from.

    Attributes:
        token: of its sign-in; empty where there is none.
        cookies: that it may be given.
    """

    token: str
    cookies: SignInCookies
    _request: Request

    def place(self, username: str) -> GuessPlace:
        """Return its browser and address, for the throttle of one name."""
        name = normalise(username)
        device = self.cookies.device_of(self._request, name)
        return GuessPlace(device, self.cookies.address_mark(self._request))

    def admit(self, response: Response, token: str, account: Account, *, is_known: bool) -> None:
        """Give the browser its sign-in; `is_known`: nothing but the account's own steps is left."""
        self.cookies.issue(response, token, account.username)
        if is_known:
            self.know(response, account)

    def know(self, response: Response, account: Account) -> None:
        """Mark the browser as one that the account has signed in with, with this password."""
        name, password = account.username, account.password_hash
        self.cookies.know_device(self._request, response, name, password)


async def _origin(request: Request, cookies: CookiesDep) -> SignInOrigin:
    return SignInOrigin(cookies.token_of(request), cookies, request)


OriginDep = Annotated[SignInOrigin, Depends(_origin)]
