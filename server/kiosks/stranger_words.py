"""What a page says about devices that this server does not know."""

from fastapi import Request

from server.db.types import now
from server.web.dates import moment_words
from server.web.state import get_services
from server.web.translations import Translator

_MOST_NAMED = 3


def stranger_words(request: Request, t: Translator) -> str | None:
    """Say from which addresses unknown devices ask, the newest first; None: from nowhere."""
    at = now()
    services = get_services(request)
    found = services.strangers.recent(at)
    if not found:
        return None
    named = [one.address for one in found[:_MOST_NAMED]]
    more = len(found) - len(named)
    key = "stranger" if len(found) == 1 else "strangers_more" if more else "strangers"
    return t(
        f"kiosks.{key}",
        addresses=t("kiosks.between_addresses").join(named),
        count=more,
        at=moment_words(found[0].last_at, t, services.settings.zone, this_year=at.year),
    )
