"""Kiosks that compare with another network than the school's: they recognise nobody."""

from collections.abc import Iterable

from server.kiosks.tables import Kiosk, KioskState


def uses_another(kiosk: Kiosk, current: str | None) -> bool:
    """Whether a claimed kiosk last said that it compares with another network.

    One that has not said yet, and a school that has chosen none, give no reason to warn.
    """
    said = (kiosk.status or {}).get("embedder")
    is_claimed = kiosk.state == KioskState.CLAIMED
    return is_claimed and current is not None and said is not None and said != current


def names_of_others(kiosks: Iterable[Kiosk], current: str | None) -> list[str]:
    """Names of the kiosks that compare with another network, in order."""
    return sorted(kiosk.name for kiosk in kiosks if uses_another(kiosk, current))
