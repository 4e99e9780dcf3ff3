"""What the page of a kiosk says of its face networks, out of the kiosk's own plain sentences."""

import re

_NAME = r"([\w.-]+)"
_RECOGNITION = {
    "recognition_network_missing": re.compile(
        rf"the network {_NAME} is not installed on this kiosk: run (.+)"
    ),
    "recognition_network_damaged": re.compile(
        rf"the network {_NAME} is damaged on this kiosk: run (.+)"
    ),
    "recognition_other_network": re.compile(
        rf"this kiosk recognises nobody: its settings name the network {_NAME},"
        rf" the school uses {_NAME}"
    ),
}
_CHILDREN = re.compile(rf"children are not recognised with {_NAME}: (\d+) people")
_NEXT = re.compile(rf"the next network {_NAME} ([a-z ]+)")
_NEXT_KEYS = {
    "is compared beside it": "network_compared",
    "is not installed on this kiosk": "network_next_missing",
    "is damaged on this kiosk": "network_next_damaged",
    "cannot be opened": "network_next_failing",
}
_OPEN = re.compile(rf"{_NAME}(;|$)")

ADVISED = frozenset(
    {*_RECOGNITION, "recognition_children", "network_next_missing", "network_next_damaged"}
)
"""Details that also have advice, a key under `kiosks.part_advice`."""


def recognition_words(detail: str) -> tuple[str, dict[str, str]]:
    """Return the key and the values for a fault of the network that decides; empty for others."""
    children = _CHILDREN.fullmatch(detail)
    if children is not None:
        return "recognition_children", {"count": children[2]}
    for key, pattern in _RECOGNITION.items():
        found = pattern.fullmatch(detail)
        if found is not None:
            return key, {"model": found[1], "other": found[2]}
    return "", {}


def network_words(detail: str) -> tuple[str, dict[str, str]]:
    """Return the key and the values for the networks that are open; empty where not understood."""
    current, following = _OPEN.match(detail), _NEXT.search(detail)
    model = current[1] if current else ""
    if following is not None and following[2] in _NEXT_KEYS:
        return _NEXT_KEYS[following[2]], {"model": model, "next": following[1]}
    return ("network_open", {"model": model}) if model else ("", {})
