"""Attacks made from live clips: prints and screens held before a camera, same for one seed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from models.evaluate.attack_scene import FOCAL_PX, Hand, Maps, Placement, SceneCamera, make_room

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.stages.images import BGRImage

Floats = NDArray[np.float64]
Surface = Literal["print", "screen"]


@dataclass(frozen=True)
class Instrument:
    """What an attacker holds up, and how.

    Attributes:
        name: of the type in reports.
        surface: a print shows one frame, a screen the clip.
        size_mm: width and height of the visible sheet or glass.
        margin_mm: white edge of the paper, black edge of the device.
        sway: of the hand: degrees of yaw, pitch, roll, millimetres of x, y, z.
        tremor: the same, of its tremor.
        bend: largest curvature, 1/mm; it changes as the sheet is flexed.
        face_px: width of the face before the camera.
    """

    name: str
    surface: Surface
    size_mm: tuple[float, float]
    margin_mm: float
    sway: tuple[float, ...]
    tremor: tuple[float, ...] = (0.3, 0.3, 0.3, 0.4, 0.4, 0.4)
    bend: float = 0.0
    face_px: float = 85.0


_HELD = (3.0, 3.0, 3.0, 9.0, 7.0, 12.0)
_TURNED = (26.0, 18.0, 6.0, 14.0, 10.0, 20.0)
_STEADIED = (0.8, 0.8, 0.8, 2.0, 1.5, 3.0)
_QUIET = (0.1, 0.1, 0.1, 0.15, 0.15, 0.15)
_STILL = (0.0,) * 6
_EDGE_GREY = {"print": 235.0, "screen": 14.0}
_A4, _PHONE, _TABLET = (297.0, 210.0), (150.0, 70.0), (250.0, 165.0)

INSTRUMENTS = (
    Instrument("flat print, held", "print", _A4, 8.0, _HELD),
    Instrument("flat print, turned to and fro", "print", _A4, 8.0, _TURNED),
    Instrument("bent print, held", "print", _A4, 8.0, _HELD, bend=1 / 160),
    Instrument("bent print, turned to and fro", "print", _A4, 8.0, _TURNED, bend=1 / 130),
    Instrument("flat print, on a stand", "print", _A4, 8.0, _STILL, _STILL),
    Instrument("phone replay, held", "screen", _PHONE, 5.0, _HELD),
    Instrument("phone replay, on a stand", "screen", _PHONE, 5.0, _STILL, _STILL),
    Instrument("phone replay, held with both hands", "screen", _PHONE, 5.0, _STEADIED, _QUIET),
    Instrument("tablet replay, held", "screen", _TABLET, 14.0, _HELD),
    Instrument("tablet replay, held with both hands", "screen", _TABLET, 14.0, _STEADIED, _QUIET),
    Instrument("tablet replay, on a stand", "screen", _TABLET, 14.0, _STILL, _STILL),
    Instrument(
        "tablet replay, held, filling the view", "screen", _TABLET, 14.0, _HELD, face_px=140.0
    ),
    Instrument(
        "tablet replay, on a stand, filling the view",
        "screen",
        _TABLET,
        14.0,
        _STILL,
        _STILL,
        face_px=140.0,
    ),
)


@dataclass(frozen=True)
class Source:
    """What is shown: frames of a live clip, and where its face lies.

    Attributes:
        frames: (H, W, 3) uint8 each.
        times_s: of each, rising.
        face_px: centre x, centre y, and width of the face in the first frame.
        name: of the clip; part of the seed.
    """

    frames: Sequence[BGRImage]
    times_s: Sequence[float]
    face_px: tuple[float, float, float]
    name: str


def render(instrument: Instrument, source: Source, seed: int) -> Iterator[BGRImage]:
    """Show a clip's face to a camera by an instrument, one frame for each of the clip's.

    Args:
        instrument: shown with.
        source: shown.
        seed: one seed gives the same frames to the last bit.
    """
    key = zlib.crc32(f"{instrument.name}/{source.name}".encode())
    random = np.random.default_rng((seed, key))
    camera, room = SceneCamera(random), make_room(random)
    hand = Hand(random, np.array((*instrument.sway, 1.0)), np.array((*instrument.tremor, 0.0)))
    rest = random.uniform(-1, 1, 6) * np.array((6.0, 5.0, 4.0, 25.0, 15.0, 0.0))
    show = _Print(source, random) if instrument.surface == "print" else _Screen(source, random)
    per_mm = _pixels_per_mm(instrument, source)
    depth_mm = FOCAL_PX / (instrument.face_px / (source.face_px[2] / per_mm))
    for index, time_s in enumerate(source.times_s):
        moved = rest + hand.at(time_s)[:6]
        flex = instrument.bend * (0.55 + 0.45 * hand.at(time_s)[6])
        placement = Placement(
            (moved[0], moved[1], moved[2]), (moved[3], moved[4], moved[5] + depth_mm), flex
        )
        maps = camera.look_at(placement)
        yield camera.expose(_compose(room, instrument, maps, show.at(index, time_s, maps, per_mm)))


def _pixels_per_mm(instrument: Instrument, source: Source) -> float:
    """So that the frame's whole height fits the sheet, or as much of it as keeps the face large."""
    height_px = source.frames[0].shape[0]
    whole = height_px / instrument.size_mm[1]
    return min(whole, source.face_px[2] / (0.22 * min(instrument.size_mm)))


def _compose(
    room: NDArray[np.float32], instrument: Instrument, maps: Maps, shown: NDArray[np.float32]
) -> NDArray[np.float32]:
    x, y = np.abs(maps[0]), np.abs(maps[1])
    half_w, half_h, edge = (*(side / 2 for side in instrument.size_mm), instrument.margin_mm)
    picture = room.copy()
    picture[(x < half_w + edge) & (y < half_h + edge)] = _EDGE_GREY[instrument.surface]
    on_sheet = ((x < half_w) & (y < half_h)).astype(np.uint8)
    cv2.copyTo(shown, on_sheet, picture)
    return picture


class _Print:
    """One frame on paper: less contrast and colour, printed dots, light that differs by slope."""

    def __init__(self, source: Source, random: np.random.Generator) -> None:
        self._source = source
        frame = source.frames[len(source.frames) // 2].astype(np.float32)
        grey = frame.mean(axis=2, keepdims=True)
        faded = 30.0 + 0.78 * (0.85 * frame + 0.15 * grey)
        dots = random.normal(0.0, 5.0, frame.shape[:2]).astype(np.float32)
        self._sheet = faded + dots[..., None]

    def at(self, _index: int, _time_s: float, maps: Maps, per_mm: float) -> NDArray[np.float32]:
        return _sample(self._sheet, self._source.face_px, maps, per_mm)


class _Screen:
    """The clip on a display: bluish light, moire of its pixels, refresh bands, a reflection."""

    def __init__(self, source: Source, random: np.random.Generator) -> None:
        self._source = source
        self._pitch_mm = np.float32(random.uniform(0.05, 0.25))
        self._moire = np.float32(random.uniform(0.0, 0.06))
        self._band = np.float32(random.uniform(0.0, 0.08))
        self._beat_hz = np.float32(random.uniform(0.3, 4.0))
        self._glare_mm = random.uniform(-40, 40, 2).astype(np.float32)
        self._glare = np.float32(random.uniform(0.0, 60.0))

    def at(self, index: int, time_s: float, maps: Maps, per_mm: float) -> NDArray[np.float32]:
        frame = self._source.frames[index].astype(np.float32)
        lit = np.clip(frame * np.array((1.12, 1.05, 1.0), np.float32), 0, 255)
        shown = _sample(lit, self._source.face_px, maps, per_mm)
        x, y = maps
        turn = np.float32(2 * np.pi) / self._pitch_mm
        weave = np.cos(x * turn) + np.cos(y * turn)
        rows = np.arange(shown.shape[0], dtype=np.float32)[:, None] / shown.shape[0]
        bands = np.sin(np.float32(2 * np.pi) * (1.5 * rows - self._beat_hz * np.float32(time_s)))
        dimming = 1.0 + self._moire / 2 * np.nan_to_num(weave) + self._band / 2 * bands
        far = ((x - self._glare_mm[0]) / 18.0) ** 2 + ((y - self._glare_mm[1]) / 12.0) ** 2
        glare = self._glare * np.exp(-np.nan_to_num(far, nan=99.0))
        lit_up = shown * dimming[..., None] + glare[..., None]
        return np.asarray(np.clip(lit_up, 0, 255), np.float32)


def _sample(
    picture: NDArray[np.float32], face_px: tuple[float, float, float], maps: Maps, per_mm: float
) -> NDArray[np.float32]:
    """Lay a picture on the surface so that its face is in the middle."""
    x = (maps[0] * per_mm + face_px[0]).astype(np.float32)
    y = (maps[1] * per_mm + face_px[1]).astype(np.float32)
    shown = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(shown, np.float32)
