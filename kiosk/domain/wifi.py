"""Wireless networks as a technician sees them, and how joining one ended."""

from dataclasses import dataclass
from enum import StrEnum

#: Source: IEEE 802.11, a passphrase has 8 to 63 printable ASCII characters.
LEAST_PASSPHRASE, MOST_PASSPHRASE = 8, 63


class WifiSecurity(StrEnum):
    """OPEN: no password. PASSWORD: one for all. OTHER: the kiosk cannot join it on its screen."""

    OPEN = "open"
    PASSWORD = "password"  # noqa: S105 - a kind of network, not a password
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class WifiNetwork:
    """A network in reach.

    Attributes:
        name: the SSID.
        signal_percent: 0 to 100.
        security: what it asks for.
        is_current: the kiosk is in it now.
    """

    name: str
    signal_percent: int
    security: WifiSecurity
    is_current: bool = False


class WifiOutcome(StrEnum):
    """How a search or a try to join ended where it found no networks to show."""

    JOINED = "joined"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - an outcome, not a password
    GONE = "gone"
    NOT_ALLOWED = "not_allowed"
    NO_MANAGER = "no_manager"
    FAILED = "failed"


def is_passphrase(words: str) -> bool:
    """Return whether a network can have this password."""
    is_printable = words.isascii() and words.isprintable()
    return is_printable and LEAST_PASSPHRASE <= len(words) <= MOST_PASSPHRASE
