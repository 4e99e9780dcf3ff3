"""What the page of a kiosk says of its parts. Kiosks of other versions send other parts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from server.kiosks import network_words, record_words

_LOOKS = {"ok": ("ok", "check"), "degraded": ("warn", "warning"), "failed": ("bad", "warning")}
_QUIET = ("quiet", "")
#: Details that have words of their own under `kiosks.part_detail`.
_CAMERA_WORDS = frozenset({"gone", "black", "frozen", "finished", "starting"})
_MOUNTING_WORDS = frozenset({"upside_down", "on_its_side"})
#: Details that also have advice, a key under `kiosks.part_advice`.
_ADVISED = (
    frozenset({"link_plain", *(f"camera_{word}" for word in _MOUNTING_WORDS)})
    | network_words.ADVISED
    | record_words.ADVISED
)
_RECORD_PARTS = frozenset(
    {
        "identity",
        "server",
        "server_link",
        "broker_link",
        "outbox",
        "clock",
        "disk",
        "storage",
        "key",
    }
)
_MOUNTING = re.compile(r"([a-z_]+) (0|90|180|270)")


@dataclass(frozen=True)
class PartLine:
    """One line about a part.

    Attributes:
        name: of the part, a key of the translations under `kiosks.part` where we know it.
        state: as the kiosk sent it, a key under `kiosks.part_state` where we know it.
        tone: ok, warn, bad or quiet.
        icon: symbol that says the same without colour.
        detail: key under `kiosks.part_detail`; empty where the state says it all.
        values: for the places in its text.
    """

    name: str
    state: str
    tone: str
    icon: str
    detail: str = ""
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def advice(self) -> str:
        """Key under `kiosks.part_advice`: what to do; empty where the line says it all."""
        return self.detail if self.detail in _ADVISED else ""


def part_lines(status: Mapping[str, Any] | None) -> list[PartLine]:
    """Return a line for each part that a kiosk last reported, in the kiosk's order.

    Earlier kiosks sent "ok" for an accelerator that they do not have, and for refused
    events where there were none. Neither may read as something that works.
    """
    parts: Mapping[str, Mapping[str, Any]] = (status or {}).get("parts", {})
    lines = [_line(name, part) for name, part in parts.items()]
    return [line for line in lines if line is not None]


def _line(name: str, part: Mapping[str, Any]) -> PartLine | None:
    state, detail = str(part.get("state", "")), str(part.get("detail") or "")
    if name == "refused":
        return _refused(state, detail)
    if name == "accelerator" and state == "ok" and detail in ("cpu", "none"):
        state = "absent"
    tone, icon = _LOOKS.get(state, _QUIET)
    words, values = _words(name, state, detail)
    return PartLine(name, state, tone, icon, words, values)


def _refused(state: str, detail: str) -> PartLine | None:
    if state == "ok" or detail == "0":
        return None
    tone, icon = _LOOKS["degraded"]
    return PartLine("refused", "degraded", tone, icon, "refused", {"count": detail or "?"})


def _words(name: str, state: str, detail: str) -> tuple[str, dict[str, str]]:
    if name == "accelerator" and state == "absent":
        return "no_accelerator", {}
    if name == "accelerator" and state == "degraded":
        return "accelerator_off", {}
    if name == "camera":
        return _camera_words(state, detail)
    if name in _RECORD_PARTS:
        return record_words.record_words(name, state, detail)
    if name == "recognition_network":
        return network_words.network_words(detail)
    is_fault = name == "recognition" and state != "ok"
    return network_words.recognition_words(detail) if is_fault else ("", {})


def _camera_words(state: str, detail: str) -> tuple[str, dict[str, str]]:
    mounting = _MOUNTING.fullmatch(detail)
    if mounting is not None and mounting[1] in _MOUNTING_WORDS:
        return f"camera_{mounting[1]}", {"rotation": mounting[2]}
    is_known = detail in _CAMERA_WORDS and state != "ok"
    return (f"camera_{detail}" if is_known else ""), {}
