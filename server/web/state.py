"""What `create_app` puts into the application, reached from endpoints by dependency."""

from typing import Annotated

from fastapi import Depends, Request

from server.config import Settings
from server.db.vault import Vault
from server.web.cookies import SignInCookies


def get_settings(request: Request) -> Settings:
    """The settings of this application."""
    settings: Settings = request.app.state.settings
    return settings


def get_vault(request: Request) -> Vault:
    """The vault of this application."""
    vault: Vault = request.app.state.vault
    return vault


def get_cookies(request: Request) -> SignInCookies:
    """The cookie handling of this application."""
    cookies: SignInCookies = request.app.state.cookies
    return cookies


# None of these waits, so as dependencies none needs a thread.
async def _settings(request: Request) -> Settings:
    return get_settings(request)


async def _vault(request: Request) -> Vault:
    return get_vault(request)


async def _cookies(request: Request) -> SignInCookies:
    return get_cookies(request)


SettingsDep = Annotated[Settings, Depends(_settings)]
VaultDep = Annotated[Vault, Depends(_vault)]
CookiesDep = Annotated[SignInCookies, Depends(_cookies)]
