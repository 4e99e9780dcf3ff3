"""What an attacker holds up before the camera, and how; each kind is a row of the report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Surface = Literal["print", "screen"]
Showing = Literal["photo", "clip", "paused"]
Carrier = Literal["hand", "stand", "desk"]


@dataclass(frozen=True)
class Instrument:
    """What an attacker holds up, and how.

    Attributes:
        kind: of attack, a row of the report.
        name: of the instrument.
        surface: paper or glass.
        size_mm: width and height of the visible sheet or glass.
        margin_mm: white edge of the paper, black edge of the device.
        sway: of the hand: degrees of yaw, pitch, roll, millimetres of x, y, z.
        tremor: the same, of its tremor.
        shows: one frame, the clip, or the clip with a pause and its play button over the face.
        carrier: a hand holds it, it stands alone, or it is a laptop with its keyboard on a desk.
        bend: largest curvature, 1/mm; it changes as the sheet is flexed.
        face_px: width of the face before the camera.
        face_share: least share of the shorter side that the face's width has; more is zoomed in.
        camera_deg: sway of the camera itself; a kiosk's hangs on a wall and has none.
    """

    kind: str
    name: str
    surface: Surface
    size_mm: tuple[float, float]
    margin_mm: float
    sway: tuple[float, ...]
    tremor: tuple[float, ...]
    shows: Showing
    carrier: Carrier
    bend: float = 0.0
    face_px: float = 85.0
    face_share: float = 0.22
    camera_deg: float = 0.0


_HELD = (3.0, 3.0, 3.0, 9.0, 7.0, 12.0)
_TURNED = (26.0, 18.0, 6.0, 14.0, 10.0, 20.0)
_STEADIED = (0.8, 0.8, 0.8, 2.0, 1.5, 3.0)
_SHAKY = (0.3, 0.3, 0.3, 0.4, 0.4, 0.4)
_QUIET = (0.1, 0.1, 0.1, 0.15, 0.15, 0.15)
_STILL = (0.0,) * 6


def _tremor(sway: tuple[float, ...]) -> tuple[float, ...]:
    if not any(sway):
        return _STILL
    return _QUIET if sway == _STEADIED else _SHAKY


def _carrier(sway: tuple[float, ...]) -> Carrier:
    return "hand" if any(sway) else "stand"


def _print(kind: str, how: str, sway: tuple[float, ...], bend: float = 0.0) -> Instrument:
    return Instrument(
        kind,
        f"{kind}, {how}",
        "print",
        (297.0, 210.0),
        8.0,
        sway,
        _tremor(sway),
        "photo",
        _carrier(sway),
        bend=bend,
    )


def _phone(
    kind: str,
    how: str,
    shows: Showing,
    sway: tuple[float, ...] = _HELD,
    face_share: float = 0.3,
) -> Instrument:
    return Instrument(
        kind,
        f"{kind}, {how}",
        "screen",
        (70.0, 150.0),
        4.0,
        sway,
        _tremor(sway),
        shows,
        _carrier(sway),
        face_px=100.0,
        face_share=face_share,
    )


def _tablet(
    kind: str, how: str, shows: Showing, sway: tuple[float, ...], face_px: float = 85.0
) -> Instrument:
    return Instrument(
        kind,
        f"{kind}, {how}",
        "screen",
        (250.0, 165.0),
        14.0,
        sway,
        _tremor(sway),
        shows,
        _carrier(sway),
        face_px=face_px,
    )


def _laptop(how: str, camera_deg: float = 0.0) -> Instrument:
    return Instrument(
        "laptop",
        f"laptop, {how}",
        "screen",
        (310.0, 195.0),
        9.0,
        _STILL,
        _STILL,
        "clip",
        "desk",
        camera_deg=camera_deg,
    )


INSTRUMENTS = (
    _print("flat print", "held", _HELD),
    _print("flat print", "turned to and fro", _TURNED),
    _print("flat print", "on a stand", _STILL),
    _print("bent print", "held", _HELD, bend=1 / 160),
    _print("bent print", "turned to and fro", _TURNED, bend=1 / 130),
    _phone("photo on a phone", "held", "photo"),
    _phone("photo on a phone", "held with both hands", "photo", _STEADIED),
    _phone("photo on a phone", "filling it, held", "photo", _HELD, 0.8),
    _phone("photo on a phone", "filling it, held with both hands", "photo", _STEADIED, 0.8),
    _phone("video on a phone", "held", "clip"),
    _phone("video on a phone", "held with both hands", "clip", _STEADIED),
    _phone("paused video on a phone", "held", "paused"),
    _phone("paused video on a phone", "held with both hands", "paused", _STEADIED),
    _phone("zoomed video on a phone", "held", "clip", _HELD, 0.6),
    _phone("zoomed video on a phone", "paused, held with both hands", "paused", _STEADIED, 0.6),
    _phone("phone on a stand", "video", "clip", _STILL),
    _phone("phone on a stand", "zoomed video", "clip", _STILL, 0.6),
    _tablet("video on a tablet", "held", "clip", _HELD),
    _tablet("video on a tablet", "held with both hands", "clip", _STEADIED),
    _tablet("video on a tablet", "paused, held", "paused", _HELD),
    _tablet("video on a tablet", "held, filling the view", "clip", _HELD, 140.0),
    _tablet("tablet on a stand", "video", "clip", _STILL),
    _tablet("tablet on a stand", "video, filling the view", "clip", _STILL, 140.0),
    _laptop("video"),
    _laptop("video, the camera moves", 0.5),
)
"""Kinds in order; the names within a kind take turns."""
