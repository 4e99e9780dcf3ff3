"""What the page of a kiosk says of the parts that keep its records, out of the kiosk's words."""

import re

_COUNTED = re.compile(r"(full|nearly_full|lost|set_aside) (\d{1,9})")
_OFF = re.compile(r"off (\d{1,9}) (minutes|hours|days)")
_IDENTITY = frozenset(
    {
        "signing_key_lost",
        "sealing_key_lost",
        "storage_key_lost",
        "claim_damaged",
        "key_refused",
        "revoked",
    }
)
_SERVER = frozenset({"down", "refused", "foreign", "redirected", "other_server", "unknown_kiosk"})
_LINKS = frozenset({"server_link", "broker_link"})
_LINK_KINDS = frozenset({"tls", "local"})
_LINK_FAULTS = frozenset(
    {
        "plain",
        "plain_refused",
        "expired",
        "not_yet_valid",
        "foreign_authority",
        "wrong_name",
        "other_fingerprint",
        "no_tls",
    }
)
_DISK = frozenset({"full", "nearly_full", "failing"})
_KEY = frozenset({"tpm2", "host", "file", "not_tpm2", "not_host"})
_SOURCES = frozenset({"ntp", "rtc", "server"})

ADVISED = frozenset(
    {
        *(f"identity_{word}" for word in _IDENTITY),
        *(f"server_{word}" for word in _SERVER - {"down"}),
        *(f"disk_{word}" for word in _DISK),
        "key_not_tpm2",
        "key_not_host",
        *(f"link_{word}" for word in _LINK_FAULTS),
        "outbox_recovered",
        "outbox_full",
        "outbox_nearly_full",
        "outbox_lost",
        "outbox_set_aside",
        "clock_unsynced",
        "clock_off_minutes",
        "clock_off_hours",
        "clock_off_days",
    }
)
"""Details that also have advice, a key under `kiosks.part_advice`."""


def record_words(name: str, state: str, detail: str) -> tuple[str, dict[str, str]]:
    """Return the key and the values for one of these parts; empty where not understood."""
    if name in _LINKS:
        return (f"link_{detail}" if detail in _LINK_KINDS | _LINK_FAULTS else ""), {}
    if name == "clock":
        return _clock(state, detail)
    if state == "ok" and name != "key":
        return "", {}
    if name == "outbox":
        return _outbox(detail)
    if name == "storage":
        return ("storage_renewed" if detail.startswith("renewed") else ""), {}
    known = {"identity": _IDENTITY, "server": _SERVER, "disk": _DISK, "key": _KEY}
    return (f"{name}_{detail}" if detail in known.get(name, ()) else ""), {}


def _outbox(detail: str) -> tuple[str, dict[str, str]]:
    if detail == "recovered":
        return "outbox_recovered", {}
    counted = _COUNTED.fullmatch(detail)
    return (f"outbox_{counted[1]}", {"count": counted[2]}) if counted else ("", {})


def _clock(state: str, detail: str) -> tuple[str, dict[str, str]]:
    off = _OFF.fullmatch(detail)
    if off is not None:
        return f"clock_off_{off[2]}", {"number": off[1]}
    if detail == "unsynced" and state != "ok":
        return "clock_unsynced", {}
    return (f"clock_{detail}" if detail in _SOURCES and state == "ok" else ""), {}
