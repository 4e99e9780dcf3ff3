"""Render pages: templates of every package, with who is asking, in their language and theme."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, lru_cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from server.config import Settings
from server.web.access import current_principal
from server.web.dates import day_words, isolated, moment_words, time_words
from server.web.etags import is_known
from server.web.navigation import entries_at, groups_for
from server.web.parts import add_parts
from server.web.principal import Principal
from server.web.state import get_settings
from server.web.translations import LANGUAGES, Translator, choose_language, translator

STATIC = Path(__file__).parent / "static"
LANGUAGE_COOKIE = "rollcall_language"
THEME_COOKIE = "rollcall_theme"
THEMES = ("auto", "light", "dark")


def render(
    request: Request,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status_code: int = 200,
) -> Response:
    """Render a page or fragment; 304 where htmx says that it shows just this one.

    Args:
        request: the request; decides language, theme, navigation.
        template: `<package>/<file>.html`, from `server/<package>/templates/<file>.html`.
        context: values of the template, besides those that every page has: `t`, `principal`,
            `settings`, `navigation`, `here`, `static`, `local_time`, `theme`, and `day_words`,
            `time_words` and `moment_words` of `server.web.dates`.
        status_code: HTTP status.
    """
    settings = get_settings(request)
    principal = current_principal(request)
    t = request_translator(request)
    values = {
        "t": t,
        "settings": settings,
        "principal": principal,
        "navigation": groups_for(principal),
        "here": entries_at(request.url.path),
        "theme": _theme(request),
        "static": static_url,
        "local_time": lambda at: isolated(local_time(at, settings), t),
        "local_date": lambda at: local_time(at, settings)[:10],
        **_date_words(t, settings),
    }
    text = environment().get_template(template).render(values | dict(context or {}))
    headers = {"Content-Language": t.language}
    if request.method != "GET" or not is_htmx(request) or status_code != HTTPStatus.OK:
        return HTMLResponse(text, status_code, headers=headers)
    headers["ETag"] = etag = _etag_of(text, principal)
    if is_known(etag, request.headers.get("if-none-match", "")):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return HTMLResponse(text, headers=headers)


def request_translator(request: Request) -> Translator:
    """Return the translator for the language of this request."""
    wanted = request.cookies.get(LANGUAGE_COOKIE)
    accepted = request.headers.get("accept-language", "")
    return translator(choose_language(wanted, accepted, get_settings(request).school.language))


def is_htmx(request: Request) -> bool:
    """Whether htmx asks for a fragment."""
    return request.headers.get("hx-request") == "true"


def see_other(path: str) -> RedirectResponse:
    """Send the browser to a page of ours after a form was handled."""
    return RedirectResponse(path, 303)


def local_time(at: datetime, settings: Settings) -> str:
    """A point in time in the school's zone: `2026-11-23 08:05`."""
    return f"{at.astimezone(settings.zone):%Y-%m-%d %H:%M}"


@cache
def environment() -> Environment:
    """The template environment: every package's `templates` folder under its name."""
    folders = Path(__file__).parent.parent.glob("*/templates")
    loader = PrefixLoader({folder.parent.name: FileSystemLoader(folder) for folder in folders})
    made = Environment(
        loader=loader,
        autoescape=True,
        auto_reload=False,  # it would ask the disk about every template of every page
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals.update(languages=LANGUAGES, themes=THEMES)
    add_parts(made)
    return made


@cache
def static_url(name: str) -> str:
    """Address of a static file, with a version so that it may be cached for ever."""
    version = sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={version}"


def _etag_of(text: str, principal: Principal | None) -> str:
    """Return the name of an answer: of all that it says, for one account in one role."""
    whose = f"{principal.account_id}:{principal.role}" if principal else ""
    return f'"{sha256(f"{whose}:{text}".encode()).hexdigest()[:32]}"'


def _date_words(t: Translator, settings: Settings) -> dict[str, Callable[..., str]]:
    zone, year = settings.zone, datetime.now(settings.zone).year
    return {
        "day_words": lambda day: day_words(day, t, this_year=year),
        "time_words": lambda at: time_words(at, t, zone),
        "clock_part": lambda at: _clock(at, t, zone),
        "moment_words": lambda at: moment_words(at, t, zone, this_year=year),
    }


@lru_cache(maxsize=1024)
def _clock(at: datetime, t: Translator, zone: ZoneInfo) -> Markup:
    """Mark a time of day up; it stands in every row of many pages."""
    time = f'<time datetime="{at.isoformat()}">{escape(time_words(at, t, zone))}</time>'
    return Markup(f"<bdi>{time}</bdi>")  # noqa: S704 - the words are escaped


def _theme(request: Request) -> str:
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return theme if theme in THEMES else "auto"
