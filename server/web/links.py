"""What is wrong with the server's links, for /health and the Today page."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from fastapi import Request
from sqlmodel import Session

from server.certificates.ending import CertificateEnding, authority_to_copy_by, endings
from server.certificates.links import Links, NetworkLink
from server.config import Settings
from server.db.types import now
from server.web.dates import day_words
from server.web.pages import request_translator
from server.web.principal import Principal, Role
from server.web.state import get_services
from server.web.today_content import TodayContent, TodaySource, Trouble
from server.web.translations import Translator, translator

_TECHNICAL = {Role.ADMIN, Role.TECHNICIAN}


def with_links(source: TodaySource) -> TodaySource:
    """Put certificates that end, and links without TLS, on the first page of who can act."""

    def content(db: Session, principal: Principal, request: Request) -> TodayContent:
        found = source(db, principal, request)
        if principal.role not in _TECHNICAL:
            return found
        troubles = link_troubles(get_services(request).links, request_translator(request), now())
        return TodayContent(found.lessons, [*troubles, *found.troubles])

    return content


def link_troubles(links: Links, t: Translator, at: datetime) -> list[Trouble]:
    """Return a line for each certificate that ends soon, and for each link without TLS."""
    settings = links.settings
    year = at.astimezone(settings.zone).year
    due = [
        Trouble("/health", _ending_sentence(one, settings, t, year), "bad" if over else "warn")
        for one, over in ((one, one.is_over(at)) for one in endings(links) if one.is_due(at))
    ]
    copy_by = authority_to_copy_by(links, at)
    if copy_by is not None:
        day = day_words(copy_by.astimezone(settings.zone).date(), t, this_year=year)
        due.append(Trouble("/health", t("links.authority_to_copy", date=day), "warn"))
    return [*due, *(Trouble("/health", text, "warn") for text in plain_sentences(links, t))]


def plain_sentences(links: Links, t: Translator, *which: NetworkLink) -> Iterator[str]:
    """Say which links have no TLS, of these or of all."""
    for link in links.plain():
        if not which or link in which:
            yield t(f"links.plain_{link}")


def link_signs(links: Links) -> dict[str, Any]:
    """Return what /health says of the links, in English."""
    found = endings(links)
    first = found[0].ends_at if found else None
    troubles = link_troubles(links, translator("en"), now())
    return {
        "certificates_end": first and first.isoformat(),
        "link_problems": [one.text for one in troubles],
    }


def _ending_sentence(one: CertificateEnding, settings: Settings, t: Translator, year: int) -> str:
    if one.ends_at is None:
        return t(f"links.{one.use}_unreadable")
    day = day_words(one.ends_at.astimezone(settings.zone).date(), t, this_year=year)
    return t(f"links.{one.use}_{'ended' if one.is_over(now()) else 'ending'}", date=day)
