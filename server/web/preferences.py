"""Language and theme of one browser, kept in two cookies that say nothing about the person."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from fastapi import Form, Request
from starlette.responses import Response

from server.web.access import PUBLIC
from server.web.pages import LANGUAGE_COOKIE, THEME_COOKIE, see_other
from server.web.routes import GuardedRouter
from server.web.state import LinksDep
from server.web.strict import StrictInput

router = GuardedRouter(include_in_schema=False)
_YEAR_S = 365 * 24 * 3600


class PreferencesForm(StrictInput):
    """What was chosen; the rest stays as it was."""

    language: Literal["en", "ar"] | None = None
    theme: Literal["auto", "light", "dark"] | None = None


@router.post("/preferences", dependencies=[PUBLIC])
def set_preferences(
    request: Request,
    links: LinksDep,
    form: Annotated[PreferencesForm, Form()],
) -> Response:
    """Keep the choice and go back to where it was made."""
    response = see_other(local_path(urlsplit(request.headers.get("referer", "/")).path))
    chosen = {LANGUAGE_COOKIE: form.language, THEME_COOKIE: form.theme}
    for name, value in chosen.items():
        if value is not None:
            response.set_cookie(
                name, value, _YEAR_S, httponly=True, secure=links.is_https, samesite="lax"
            )
    return response


def local_path(path: str) -> str:
    """A path of this server, or `/`: never an address elsewhere, however it is written."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_local else "/"
