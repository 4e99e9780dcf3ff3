"""MQTT topics of protocol v1, as functions, so that nobody spells one by hand."""

import re
from dataclasses import dataclass

ROOT = "rollcall/v1"
QOS = 1

EVENTS, STATUS, RESULT = "events", "status", "result"
ACK, HINT, COMMAND = "ack", "hint", "command"

KIOSK_CHANNELS = (EVENTS, STATUS, RESULT)
SERVER_CHANNELS = (ACK, HINT, COMMAND)
RETAINED_CHANNELS = frozenset({STATUS, HINT})

KIOSK_ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$"
_KIOSK_ID = re.compile(KIOSK_ID_PATTERN[:-1] + r"\Z")


@dataclass(frozen=True)
class Address:
    """What a topic names: one channel of one kiosk."""

    kiosk_id: str
    channel: str


def topic(kiosk_id: str, channel: str) -> str:
    """Return the topic of one kiosk's channel.

    Raises:
        ValueError: the id is invalid and could leave its branch, or the channel is unknown.
    """
    if not _KIOSK_ID.match(kiosk_id):
        raise ValueError("a kiosk id is 1 to 64 letters, digits, '-' or '_'")
    if channel not in KIOSK_CHANNELS + SERVER_CHANNELS:
        raise ValueError(f"no channel is called {channel!r}")
    return f"{ROOT}/{kiosk_id}/{channel}"


def events(kiosk_id: str) -> str:
    """Return where a kiosk sends its attendance events; never retained."""
    return topic(kiosk_id, EVENTS)


def status(kiosk_id: str) -> str:
    """Return where a kiosk says how it is; retained, with a last will."""
    return topic(kiosk_id, STATUS)


def result(kiosk_id: str) -> str:
    """Return where a kiosk reports what became of a command."""
    return topic(kiosk_id, RESULT)


def ack(kiosk_id: str) -> str:
    """Return where the server says what it has committed."""
    return topic(kiosk_id, ACK)


def hint(kiosk_id: str) -> str:
    """Return where the server says which versions are current; retained."""
    return topic(kiosk_id, HINT)


def command(kiosk_id: str) -> str:
    """Return where the server sends signed commands; never retained."""
    return topic(kiosk_id, COMMAND)


def from_all_kiosks(channel: str) -> str:
    """Return the filter by which the server hears one channel of every kiosk."""
    if channel not in KIOSK_CHANNELS:
        raise ValueError(f"kiosks do not write to {channel!r}")
    return f"{ROOT}/+/{channel}"


def parse(topic_name: str) -> Address | None:
    """Return what a topic names, or None where it is not one of ours."""
    prefix, _, rest = topic_name.partition(f"{ROOT}/")
    kiosk_id, _, channel = rest.partition("/")
    if prefix or not _KIOSK_ID.match(kiosk_id):
        return None
    if channel not in KIOSK_CHANNELS + SERVER_CHANNELS:
        return None
    return Address(kiosk_id, channel)
