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


SettingsDep = Annotated[Settings, Depends(get_settings)]
VaultDep = Annotated[Vault, Depends(get_vault)]
CookiesDep = Annotated[SignInCookies, Depends(get_cookies)]
