"""The sign-in cookie: a signed token that means nothing without its row in the database.

Beside it the device cookie: it says which names have signed in with this browser before, so that a
stranger's wrong guesses elsewhere lock none of them out. It opens nothing.
"""

import hmac
import ipaddress
from hashlib import sha256

from fastapi import Request
from itsdangerous import BadSignature, Signer
from starlette.responses import Response

from server.certificates.links import Links
from server.db.vault import Vault
from server.web.device_marks import joined, mark_of, name_mark, new_mark, parted, with_mark

SIGN_IN_COOKIE = "rollcall_sign_in"
DEVICE_COOKIE = "rollcall_device"
_DEVICE_MAX_AGE_S = 180 * 24 * 3600
#: The cookie outlives its sign-in by a day, to say whose form was typed before it ended.
_AFTERWARDS_S = 24 * 3600


class SignInCookies:
    """Signs and checks the sign-in cookie. The signature keeps guesses away from the database."""

    def __init__(self, links: Links, vault: Vault) -> None:
        self._signer = Signer(vault.subkey("sign-in-cookie"), salt="rollcall.sign-in")
        self._devices = Signer(vault.subkey("device-cookie"), salt="rollcall.device")
        self._address_key = vault.subkey("address-mark")
        self._secure = links.is_https
        self._max_age_s = links.settings.sign_in_max_hours * 3600 + _AFTERWARDS_S

    def read(self, value: str) -> str | None:
        """The token inside a cookie, or None where the signature is not ours."""
        try:
            return self._signer.unsign(value).decode().partition(".")[0]
        except (BadSignature, UnicodeDecodeError):
            return None

    def issue(self, response: Response, token: str, username: str = "") -> None:
        """Put a token into the browser, with the mark of the name that has signed in."""
        content = f"{token}.{name_mark(username)}" if username else token
        response.set_cookie(
            SIGN_IN_COOKIE,
            self._signer.sign(content).decode(),
            max_age=self._max_age_s,
            httponly=True,
            secure=self._secure,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        """Take the token out of the browser."""
        response.delete_cookie(SIGN_IN_COOKIE, httponly=True, secure=self._secure, samesite="lax")

    def token_of(self, request: Request) -> str:
        """The token a request came with; empty where there is none that we signed."""
        return self.read(request.cookies.get(SIGN_IN_COOKIE, "")) or ""

    def know_device(
        self, request: Request, response: Response, username: str, password_hash: str
    ) -> None:
        """Mark a browser as one that this name has signed in with; marks of other names stay."""
        marks = with_mark(self._marks(request), new_mark(username, password_hash))
        response.set_cookie(
            DEVICE_COOKIE,
            self._devices.sign(joined(marks)).decode(),
            max_age=_DEVICE_MAX_AGE_S,
            httponly=True,
            secure=self._secure,
            samesite="lax",
        )

    def device_of(self, request: Request, username: str) -> str:
        """The mark of a browser that this name has signed in with before; empty for any other."""
        return mark_of(self._marks(request), name_mark(username))

    def sender_of(self, request: Request) -> str:
        """The name mark of the account whose sign-in a request came with, over or not.

        Empty where the sign-in was never complete in this browser.
        """
        name = self._signed(request).partition(".")[2]
        return name if name and mark_of(self._marks(request), name) else ""

    def _marks(self, request: Request) -> list[str]:
        try:
            return parted(self._devices.unsign(request.cookies.get(DEVICE_COOKIE, "")).decode())
        except (BadSignature, UnicodeDecodeError):
            return []

    def _signed(self, request: Request) -> str:
        try:
            return self._signer.unsign(request.cookies.get(SIGN_IN_COOKIE, "")).decode()
        except (BadSignature, UnicodeDecodeError):
            return ""

    def address_mark(self, request: Request) -> str:
        """The network a request comes from, as a mark that tells nobody which it is.

        The addresses of one IPv6 line, a /64, count as one.
        """
        host = request.client.host if request.client else ""
        return hmac.new(self._address_key, _network(host).encode(), sha256).hexdigest()[:32]


def _network(host: str) -> str:
    """The address, or the line that it is one of; what is no address counts as one place."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))
