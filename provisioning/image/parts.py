"""Reads the parts that every card holds."""

from importlib.resources import files

_FOLDER = "on_card"
SCRIPT = "first-boot.sh"
JETSON_SCRIPT = "jetson.sh"
_COPIED = (
    SCRIPT,
    "fetch_bundle.py",
    "60-rollcall-coral.rules",
    "60-rollcall-network.rules",
    "rollcall-kiosk.service",
    "rollcall-logs.conf",
    "rollcall-watchdog.conf",
)


def copied_parts() -> dict[str, str]:
    """Return name and text of the files that are the same on each card."""
    return {name: _text(name) for name in _COPIED}


def jetson_script() -> str:
    """Return the script that makes a kiosk of a Jetson."""
    return _text(JETSON_SCRIPT)


def _text(name: str) -> str:
    return (files("provisioning.image") / _FOLDER / name).read_text(encoding="utf-8")
