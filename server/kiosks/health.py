"""How a kiosk is, in one word with a colour and an icon, for lists."""

from dataclasses import dataclass
from datetime import datetime

from server.kiosks.presence import is_online
from server.kiosks.service import KioskView
from server.kiosks.tables import KioskState

#: Every word, the most urgent first.
HEALTH_WORDS = ("two_devices", "silent", "trouble", "unclaimed", "online", "revoked")
_BAD_PARTS = frozenset({"failed", "degraded"})


@dataclass(frozen=True)
class KioskHealth:
    """One word about a kiosk.

    Attributes:
        word: key of the translations under `kiosks.health`.
        tone: ok, warn, bad or quiet.
        icon: symbol that says the same without colour.
    """

    word: str
    tone: str
    icon: str


_BY_STATE = {
    KioskState.NEW: KioskHealth("unclaimed", "info", "clock"),
    KioskState.REVOKED: KioskHealth("revoked", "quiet", "cross"),
}


def health_of(view: KioskView, at: datetime) -> KioskHealth:
    """Sum up what is known."""
    kiosk = view.kiosk
    if kiosk.state != KioskState.CLAIMED:
        return _BY_STATE[KioskState(kiosk.state)]
    if view.progress.forked_at is not None:
        return KioskHealth("two_devices", "bad", "warning")
    if not is_online(kiosk, at):
        return KioskHealth("silent", "bad", "warning")
    parts = (kiosk.status or {}).get("parts", {}).values()
    if any(part.get("state") in _BAD_PARTS for part in parts):
        return KioskHealth("trouble", "warn", "warning")
    return KioskHealth("online", "ok", "check")
