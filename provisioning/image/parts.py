"""Reads the parts that every card holds."""

from importlib.resources import files

_FOLDER = "on_card"
SCRIPT = "first-boot.sh"
_COPIED = (
    SCRIPT,
    "60-rollcall-coral.rules",
    "60-rollcall-network.rules",
    "rollcall-kiosk.service",
    "rollcall-logs.conf",
    "rollcall-watchdog.conf",
)


def copied_parts() -> dict[str, str]:
    """Return name and text of the files that are the same on each card."""
    folder = files("provisioning.image") / _FOLDER
    return {name: (folder / name).read_text(encoding="utf-8") for name in _COPIED}
