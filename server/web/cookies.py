"""The session cookie: a signed token that means nothing without its row in the database."""

from fastapi import Request
from itsdangerous import BadSignature, Signer
from starlette.responses import Response

from server.config import Settings
from server.db.vault import Vault
from server.web.access import SESSION_COOKIE


class SessionCookies:
    """Signs and checks the session cookie. The signature keeps guesses away from the database."""

    def __init__(self, settings: Settings, vault: Vault) -> None:
        self._signer = Signer(vault.subkey("session-cookie"), salt="rollcall.session")
        self._secure = settings.secure_cookies
        self._max_age_s = settings.session_max_hours * 3600

    def read(self, value: str) -> str | None:
        """The token inside a cookie, or None where the signature is not ours."""
        try:
            return self._signer.unsign(value).decode()
        except (BadSignature, UnicodeDecodeError):
            return None

    def issue(self, response: Response, token: str) -> None:
        """Put a token into the browser."""
        response.set_cookie(
            SESSION_COOKIE,
            self._signer.sign(token).decode(),
            max_age=self._max_age_s,
            httponly=True,
            secure=self._secure,
            samesite="lax",
        )

    def clear(self, response: Response) -> None:
        """Take the token out of the browser."""
        response.delete_cookie(SESSION_COOKIE, httponly=True, secure=self._secure, samesite="lax")

    def token_of(self, request: Request) -> str:
        """The token a request came with; empty where there is none that we signed."""
        return self.read(request.cookies.get(SESSION_COOKIE, "")) or ""
