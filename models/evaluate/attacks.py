"""Attacks made from live clips: prints and screens held before a camera, same for one seed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.evaluate.attack_scene import (
    FOCAL_PX,
    Hand,
    Maps,
    Placement,
    SceneCamera,
    make_room,
    moved_room,
)
from models.evaluate.surfaces import Picture, Print, Screen, Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from models.evaluate.instruments import Instrument
    from models.stages.images import BGRImage

_EDGE_GREY = {"print": 235.0, "screen": 14.0}
_QUALITY = (60, 96)  # of the JPEG that a webcam delivers
_KEYBOARD_MM = 90.0  # of a laptop, as seen from the front
_SKINS_BGR = ((150.0, 175.0, 215.0), (95.0, 130.0, 180.0), (50.0, 75.0, 115.0))


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
    quality = int(random.integers(*_QUALITY))
    holder = Hand(random, np.full(2, instrument.camera_deg), np.zeros(2))
    carrier = _Carrier(instrument, random)
    show = (
        Print(source, random)
        if instrument.surface == "print"
        else Screen(source, instrument.shows, random)
    )
    per_mm = _pixels_per_mm(instrument, source)
    depth_mm = FOCAL_PX / (instrument.face_px / (source.face_px[2] / per_mm))
    for index, time_s in enumerate(source.times_s):
        moved = rest + hand.at(time_s)[:6]
        flex = instrument.bend * (0.55 + 0.45 * hand.at(time_s)[6])
        looks = np.tan(np.radians(holder.at(time_s)))
        aside = looks * (moved[5] + depth_mm)
        placement = Placement(
            (moved[0], moved[1], moved[2]),
            (moved[3] + aside[0], moved[4] + aside[1], moved[5] + depth_mm),
            flex,
        )
        maps = camera.look_at(placement)
        behind = moved_room(room, looks * FOCAL_PX) if instrument.camera_deg else room.copy()
        seen = camera.expose(carrier.put(behind, maps, show.at(index, time_s, maps, per_mm)))
        yield _delivered(seen, quality)


def _delivered(frame_bgr: BGRImage, quality: int) -> BGRImage:
    """What is left of a frame on its way from the camera."""
    _, packed = cv2.imencode(".jpg", frame_bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)


def _pixels_per_mm(instrument: Instrument, source: Source) -> float:
    """So that the frame's whole height fits the sheet, or as much of it as keeps the face large."""
    height_px = source.frames[0].shape[0]
    whole = height_px / instrument.size_mm[1]
    return min(whole, source.face_px[2] / (instrument.face_share * min(instrument.size_mm)))


class _Carrier:
    """The sheet or the device with its edge, and what it stands on or who holds it."""

    def __init__(self, instrument: Instrument, random: np.random.Generator) -> None:
        self._half_mm = tuple(side / 2 for side in instrument.size_mm)
        self._edge_mm = instrument.margin_mm
        self._grey = _EDGE_GREY[instrument.surface]
        self._holds = instrument.carrier
        self._side = float(random.choice((-1.0, 1.0)))
        self._grip_mm = float(random.uniform(0.0, 0.8)) * self._half_mm[1]
        self._skin = _SKINS_BGR[int(random.integers(len(_SKINS_BGR)))]
        self._sleeve = tuple(float(value) for value in random.uniform(20, 200, 3))

    def put(self, behind: Picture, maps: Maps, shown: Picture) -> Picture:
        """Put it before the room; `behind` becomes the picture."""
        x, y = maps
        wide, high = np.abs(x), np.abs(y)
        (half_w, half_h), edge = self._half_mm, self._edge_mm
        if self._holds == "desk":
            is_below = (y >= half_h + edge) & (y < half_h + edge + _KEYBOARD_MM)
            _paint(behind, is_below & (wide < half_w + edge), (60.0, 60.0, 60.0))
        if self._holds == "hand":
            self._put_arm(behind, maps)
        _paint(behind, (wide < half_w + edge) & (high < half_h + edge), (self._grey,) * 3)
        cv2.copyTo(shown, ((wide < half_w) & (high < half_h)).view(np.uint8), behind)
        if self._holds == "hand":
            self._put_thumb(behind, maps)
        return behind

    def _put_arm(self, picture: Picture, maps: Maps) -> None:
        """A hand at one side and the sleeve that comes up to it, behind the sheet."""
        at_x = np.float32(self._side * (self._half_mm[0] + self._edge_mm))
        x, y = maps[0] - at_x, maps[1] - np.float32(self._grip_mm)
        aside = np.float32(self._side * 0.35)
        _paint(picture, (np.abs(x - aside * y) < 38.0) & (y > 30.0), self._sleeve)
        _paint(picture, (x / 26) ** 2 + (y / 42) ** 2 < 1.0, self._skin)

    def _put_thumb(self, picture: Picture, maps: Maps) -> None:
        at_x = np.float32(self._side * (self._half_mm[0] + self._edge_mm))
        x, y = maps[0] - at_x, maps[1] - np.float32(self._grip_mm)
        _paint(picture, (x / 16) ** 2 + (y / 9) ** 2 < 1.0, self._skin)


def _paint(picture: Picture, where: NDArray[np.bool_], bgr: tuple[float, ...]) -> None:
    for channel, value in enumerate(bgr):
        np.putmask(picture[..., channel], where, value)
