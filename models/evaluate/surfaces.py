"""Paper and glass: what a frame looks like on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.attack_scene import Maps
    from models.evaluate.instruments import Showing
    from models.stages.images import BGRImage

Picture = NDArray[np.float32]
"""(H, W, 3) float32 BGR, 0 to 255."""
_BLUISH = np.array((1.12, 1.05, 1.0), np.float32)  # of blue, green and red
_PLAYS_S, _PAUSES_S = (0.4, 1.2), (0.5, 1.5)  # how long a paused clip plays and stands


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


class Print:
    """One frame on paper: less contrast and colour, printed dots."""

    def __init__(self, source: Source, random: np.random.Generator) -> None:
        self._source = source
        frame = source.frames[len(source.frames) // 2].astype(np.float32)
        grey = frame.mean(axis=2, keepdims=True)
        faded = 30.0 + 0.78 * (0.85 * frame + 0.15 * grey)
        dots = random.normal(0.0, 5.0, frame.shape[:2]).astype(np.float32)
        self._sheet = faded + dots[..., None]

    def at(self, _index: int, _time_s: float, maps: Maps, per_mm: float) -> Picture:
        """(H, W, 3): what the camera sees at this frame, if the sheet were endless."""
        return _sample(self._sheet, self._source.face_px, maps, per_mm)


class Screen:
    """A display: bluish light, moire of its pixels, refresh bands, a reflection."""

    def __init__(self, source: Source, shows: Showing, random: np.random.Generator) -> None:
        self._source = source
        self._shows = shows
        self._pitch_mm = np.float32(random.uniform(0.05, 0.25))
        self._moire = np.float32(random.uniform(0.0, 0.06))
        self._band = np.float32(random.uniform(0.0, 0.08))
        self._beat_hz = np.float32(random.uniform(0.3, 4.0))
        self._glare_mm = random.uniform(-40, 40, 2).astype(np.float32)
        self._glare = np.float32(random.uniform(0.0, 60.0))
        self._plays_s, self._pauses_s = random.uniform(*_PLAYS_S), random.uniform(*_PAUSES_S)

    def at(self, index: int, time_s: float, maps: Maps, per_mm: float) -> Picture:
        """(H, W, 3): what the camera sees at this frame, if the glass were endless."""
        frame = self._frame(index, time_s).astype(np.float32)
        planes = zip(cv2.split(frame), _BLUISH, strict=True)
        lit = cv2.merge([np.minimum(plane * gain, 255) for plane, gain in planes])
        shown = _sample(np.asarray(lit, np.float32), self._source.face_px, maps, per_mm)
        x, y = maps
        turn = np.float32(2 * np.pi) / self._pitch_mm
        dimming = np.cos(x * turn)
        dimming += np.cos(y * turn)
        dimming *= self._moire / 2
        rows = np.arange(shown.shape[0], dtype=np.float32)[:, None] / shown.shape[0]
        bands = np.sin(np.float32(2 * np.pi) * (1.5 * rows - self._beat_hz * np.float32(time_s)))
        dimming += (1.0 + self._band / 2 * bands).astype(np.float32)
        np.nan_to_num(dimming, copy=False, nan=1.0)
        lit_up = cv2.multiply(shown, cv2.merge([dimming] * 3))
        lit_up = cv2.add(lit_up, cv2.merge([self._reflection(x, y)] * 3))
        return np.asarray(np.clip(lit_up, 0, 255), np.float32)

    def _reflection(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """A soft spot of light, worked out at every fourth pixel."""
        few_x, few_y = x[::4, ::4] - self._glare_mm[0], y[::4, ::4] - self._glare_mm[1]
        far = np.nan_to_num((few_x / 18.0) ** 2 + (few_y / 12.0) ** 2, nan=99.0)
        spot = (self._glare * np.exp(-far)).astype(np.float32)
        return np.asarray(cv2.resize(spot, x.shape[::-1]), np.float32)

    def _frame(self, index: int, time_s: float) -> BGRImage:
        """The frame of the clip that is on now."""
        frames, times_s = self._source.frames, self._source.times_s
        if self._shows == "photo":
            return frames[len(frames) // 2]
        if self._shows == "clip":
            return frames[index]
        into_s = (time_s - times_s[0]) % (self._plays_s + self._pauses_s)
        if into_s < self._plays_s:
            return frames[index]
        stopped_s = time_s - (into_s - self._plays_s)
        last = int(np.searchsorted(times_s, stopped_s, side="right")) - 1
        return _with_play_button(frames[max(last, 0)], self._source.face_px)


def _with_play_button(frame: BGRImage, face_px: tuple[float, float, float]) -> BGRImage:
    """A dim disc with a white triangle over the face, as players draw it."""
    x, y, radius = (round(value) for value in (face_px[0], face_px[1], 0.45 * face_px[2]))
    dimmed = frame.copy()
    cv2.circle(dimmed, (x, y), radius, (20, 20, 20), -1, cv2.LINE_AA)
    mixed = np.asarray(cv2.addWeighted(dimmed, 0.55, frame, 0.45, 0), np.uint8)
    arrow = np.array([[-0.3, -0.45], [-0.3, 0.45], [0.5, 0.0]]) * radius + (x, y)
    cv2.fillPoly(mixed, [arrow.astype(np.int32)], (240, 240, 240), cv2.LINE_AA)
    return mixed


def _sample(
    picture: Picture, face_px: tuple[float, float, float], maps: Maps, per_mm: float
) -> Picture:
    """Lay a picture on the surface so that its face is in the middle."""
    x = (maps[0] * per_mm + face_px[0]).astype(np.float32)
    y = (maps[1] * per_mm + face_px[1]).astype(np.float32)
    shown = cv2.remap(picture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(shown, np.float32)
