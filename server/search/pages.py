"""The page of what a search found. Its words travel in the body: no address names a person."""

from typing import Annotated

from fastapi import Form, Request
from pydantic import StringConstraints
from starlette.responses import Response

from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.search.service import LONGEST_WORDS, FoundKind, Hit, Search, matches, search
from server.web.access import SignedInDep
from server.web.navigation import entries_for
from server.web.pages import render, request_translator
from server.web.principal import Principal
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep
from server.web.strict import StrictInput

router = GuardedRouter(prefix="/search", include_in_schema=False)


class FindForm(StrictInput):
    """What is looked for."""

    q: Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)] = ""


@router.get("")
def search_page(request: Request, _: SignedInDep) -> Response:
    """An empty search, for who reloads the page or has no other field for it."""
    return render(request, "search/search.html", {"words": "", "found": []})


@router.post("")
def find(
    request: Request,
    principal: SignedInDep,
    db: ReadDBDep,
    settings: SettingsDep,
    form: Annotated[FindForm, Form()],
) -> Response:
    """Show everything of that name which the account may see."""
    words = form.q[:LONGEST_WORDS]
    found = search(db, Search(principal, words, settings.zone, now()))
    pages = _pages(request, principal, words)
    context = {"words": words, "found": [*found, *pages]}
    return render(request, "search/search.html", context)


def _pages(request: Request, principal: Principal, words: str) -> list[FoundKind]:
    """Pages of the menu by the name that the reader sees."""
    t = request_translator(request)
    named = [(one.path, t(one.text_key)) for one in entries_for(principal)]
    hits = tuple(Hit(path, name) for path, name in named if matches(words, name))
    return [FoundKind("pages", hits, len(hits))] if hits else []
