"""Draws coverings on photographed faces, as test pictures: masks, scarves, a niqab, a hand.

The points of Face Mesh say where the face is. Cloth gets shading, folds and noise; its upper edge,
its colour and the light on it are drawn by chance, and the same seed gives the same picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from models.stages.pose import eye_distance_px

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.stages.images import BGRImage, FloatArray

Floats = NDArray[np.float64]

_JAW = (234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288)
_JAW_END = (361, 323, 454)
_TOPS = {"bridge": (347, 197, 118), "nose": (347, 5, 118), "tip": (280, 4, 50)}
"""Upper edge of a mask by how high it sits: left cheek, nose, right cheek."""
_CHEEKS = (50, 280, 205, 425)
_OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The outline of the face, clockwise in the picture."""


@dataclass(frozen=True)
class Cover:
    """One kind of covering.

    Attributes:
        area: draws where it is: (H, W) float64, 0 to 1.
        colour: draws its colour, BGR, 0 to 255, given the cheeks' colour.
        cloth: draws how bright each pixel of it is, about 1, given the length of a fold.
    """

    area: Callable[[BGRImage, Floats, np.random.Generator], Floats]
    colour: Callable[[Floats, np.random.Generator], Floats]
    cloth: Callable[[tuple[int, int], float, np.random.Generator], Floats]


def draw_cover(picture_bgr: BGRImage, points_px: FloatArray, kind: str, seed: int) -> BGRImage:
    """Cover a face.

    Args:
        picture_bgr: (H, W, 3) uint8, BGR. Not modified.
        points_px: (468, 3), of the bare face.
        kind: one of `COVERS`.
        seed: decides all that is drawn by chance.

    Returns:
        (H, W, 3) uint8, BGR.
    """
    random = np.random.default_rng(seed)
    points = np.asarray(points_px[:, :2], np.float64)
    scale_px = float(eye_distance_px(points_px))
    cover = COVERS[kind]
    area = cover.area(picture_bgr, points, random)
    area = _softened(area, scale_px)
    skin = _skin(picture_bgr, points, scale_px)
    colour = cover.colour(skin, random)
    light = float(np.clip(skin.mean() / 150.0, 0.35, 1.25)) if kind not in _OF_SKIN else 1.0
    size = _size(picture_bgr)
    cloth = cover.cloth(size, scale_px, random) * _rounding(size, points, random)
    drawn = np.asarray(colour, np.float64) * (light * cloth)[..., None]
    drawn += random.normal(0.0, 2.5, size)[..., None]
    mixed = picture_bgr * (1.0 - area) + np.clip(drawn, 0, 255) * area
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def draw_photographed(
    picture_bgr: BGRImage, points_px: FloatArray, cloth_bgr: BGRImage, seed: int
) -> BGRImage:
    """Cover a face with a photographed mask.

    Args:
        picture_bgr: (H, W, 3) uint8, BGR. Not modified.
        points_px: (468, 3), of the bare face.
        cloth_bgr: (h, w, 3) uint8, BGR: the mask laid flat, as wide as it is on the picture.
        seed: decides how high it sits.

    Returns:
        (H, W, 3) uint8, BGR.
    """
    random = np.random.default_rng(seed)
    points = np.asarray(points_px[:, :2], np.float64)
    area = _mask_area(picture_bgr, points, random)
    scale_px = float(eye_distance_px(points_px))
    area = _softened(area, scale_px)
    height, width = cloth_bgr.shape[:2]
    flat = np.array([(0, 0), (width, 0), (0, height)], np.float32)
    top = points[[234, 454]] + (points[6] - points[[234, 454]].mean(axis=0))
    low = top[0] + (points[152] - points[6]) * 1.1
    worn = np.array([*top, low], np.float32)
    size = picture_bgr.shape[1], picture_bgr.shape[0]
    to_face = cv2.getAffineTransform(flat, worn)
    cloth = cv2.warpAffine(cloth_bgr, to_face, size, borderMode=cv2.BORDER_REPLICATE)
    light = float(np.clip(_skin(picture_bgr, points, scale_px).mean() / 150.0, 0.35, 1.25))
    shaded = cloth * (light * _rounding(_size(picture_bgr), points, random))[..., None]
    mixed = picture_bgr * (1.0 - area) + np.clip(shaded, 0, 255) * area
    return np.asarray(np.clip(mixed, 0, 255), np.uint8)


def _mask_area(picture: BGRImage, points: Floats, random: np.random.Generator) -> Floats:
    left, middle, right = _TOPS[str(random.choice(list(_TOPS)))]
    jaw = points[[*_JAW, *_JAW_END]]
    centre = points[[234, 454]].mean(axis=0)
    jaw = centre + (jaw - centre) * random.uniform(1.0, 1.08)
    return _filled(picture, np.concatenate([jaw, points[[left, middle, right]]]))


def _scarf_area(picture: BGRImage, points: Floats, random: np.random.Generator) -> Floats:
    middle = points[_TOPS[str(random.choice(["bridge", "nose", "tip"]))][1]]
    across = points[454] - points[234]
    down = points[152] - points[10]
    corners = [
        points[234] - 0.35 * across + 0.05 * down,
        points[234] + 0.02 * across + 0.02 * down * random.uniform(-1, 1),
        middle,
        points[454] - 0.02 * across + 0.02 * down * random.uniform(-1, 1),
        points[454] + 0.35 * across + 0.05 * down,
        points[152] + 0.6 * across + 0.7 * down,
        points[152] - 0.6 * across + 0.7 * down,
    ]
    return _filled(picture, np.array(corners))


def _niqab_area(picture: BGRImage, points: Floats, random: np.random.Generator) -> Floats:
    oval = points[list(_OVAL)]
    centre = oval.mean(axis=0)
    head = centre + (oval - centre) * random.uniform(1.35, 1.6)
    below = points[152] + (points[152] - points[10]) * 0.9
    across = points[454] - points[234]
    shape = _filled(picture, head)
    shape = np.maximum(
        shape,
        _filled(
            picture,
            np.array(
                [
                    points[234] - 0.6 * across,
                    points[454] + 0.6 * across,
                    below + across,
                    below - across,
                ]
            ),
        ),
    )
    brows, under = points[[70, 105, 107, 336, 334, 300]], points[[346, 347, 6, 118, 117]]
    lift = (points[10] - points[152]) * random.uniform(0.01, 0.06)
    slit = np.concatenate([points[[127]], brows + lift, points[[356]], under - lift * 0.3])
    return np.asarray(np.clip(shape - _filled(picture, slit), 0, 1), np.float64)


def _hand_area(picture: BGRImage, points: Floats, random: np.random.Generator) -> Floats:
    mouth = points[[61, 291, 0, 17]].mean(axis=0)
    width = float(np.linalg.norm(points[454] - points[234]))
    tilt = float(random.uniform(-35, 35))
    away = np.radians(tilt + 90)
    area = np.zeros(picture.shape[:2], np.uint8)
    along = np.array([np.cos(away), np.sin(away)])
    for finger in np.arange(-1.5, 2.0):
        centre = mouth + along * finger * 0.15 * width
        sides = (width * float(random.uniform(0.85, 1.1)), 0.17 * width)
        cv2.ellipse(area, (centre.tolist(), sides, tilt), (255.0,), -1)
    return np.asarray(area / 255.0, np.float64)


def _softened(area: Floats, scale_px: float) -> Floats:
    """With the edge that a lens gives it: (H, W, 1)."""
    soft = cv2.GaussianBlur(area, (0, 0), max(0.4, 0.012 * scale_px))
    return np.asarray(soft, np.float64)[..., None]


def _size(picture: BGRImage) -> tuple[int, int]:
    return picture.shape[0], picture.shape[1]


def _filled(picture: BGRImage, corners: Floats) -> Floats:
    area = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillPoly(area, [np.round(corners * 16).astype(np.int32)], (255.0,), cv2.LINE_AA, 4)
    return np.asarray(area / 255.0, np.float64)


def _skin(picture: BGRImage, points: Floats, scale_px: float) -> Floats:
    half = max(1, round(0.08 * scale_px))
    height, width = picture.shape[:2]
    patches = []
    for x, y in points[list(_CHEEKS)]:
        row, column = (
            int(np.clip(v, half, most - half - 1)) for v, most in ((y, height), (x, width))
        )
        patches.append(picture[row - half : row + half + 1, column - half : column + half + 1])
    return np.asarray(np.median(np.concatenate([p.reshape(-1, 3) for p in patches]), axis=0))


def _rounding(size: tuple[int, int], points: Floats, random: np.random.Generator) -> Floats:
    """Darker towards the jaw on both sides, more on the side away from the light."""
    across = points[454] - points[234]
    length = float(across @ across)
    rows, columns = np.mgrid[: size[0], : size[1]]
    place = ((columns - points[234][0]) * across[0] + (rows - points[234][1]) * across[1]) / length
    light = random.uniform(-0.25, 0.25)
    return np.asarray(np.clip(1.05 - 0.9 * (place - 0.5 - light) ** 2, 0.45, 1.1), np.float64)


def _even(low: Floats | tuple[float, ...], high: tuple[float, ...]) -> Callable[..., Floats]:
    return lambda _skin, random: random.uniform(low, high)


def _like_skin(skin: Floats, random: np.random.Generator) -> Floats:
    return np.asarray(skin * random.uniform(0.8, 1.25) * random.uniform(0.94, 1.06, 3))


def _any_colour(_: Floats, random: np.random.Generator) -> Floats:
    hue = np.array([[[random.integers(180), random.integers(40, 220), random.integers(50, 240)]]])
    return np.asarray(cv2.cvtColor(hue.astype(np.uint8), cv2.COLOR_HSV2BGR)[0, 0], np.float64)


def _pleats(size: tuple[int, int], scale_px: float, random: np.random.Generator) -> Floats:
    """Three to five level folds, as in a surgical mask."""
    rows = np.arange(size[0])[:, None] / scale_px
    waves = np.cos(2 * np.pi * (rows * random.uniform(1.6, 3.2) + random.uniform()))
    return np.asarray(1.0 + 0.05 * np.sign(waves) * np.abs(waves) ** 4 * np.ones(size))


def _smooth(size: tuple[int, int], scale_px: float, random: np.random.Generator) -> Floats:
    return np.asarray(1.0 + 0.06 * _clouds(size, 0.6 * scale_px, random))


def _folds(size: tuple[int, int], scale_px: float, random: np.random.Generator) -> Floats:
    return np.asarray(
        1.0 + 0.18 * _clouds(size, 0.25 * scale_px, random) + 0.08 * _clouds(size, 2.0, random)
    )


def _print(size: tuple[int, int], scale_px: float, random: np.random.Generator) -> Floats:
    spots = _clouds(size, random.uniform(0.05, 0.2) * scale_px, random)
    return np.asarray(1.0 + random.uniform(0.2, 0.5) * np.tanh(3 * spots))


def _clouds(size: tuple[int, int], length_px: float, random: np.random.Generator) -> Floats:
    small = (max(int(size[0] / length_px * 2), 4), max(int(size[1] / length_px * 2), 4))
    noise = cv2.resize(random.normal(0, 1, small), size[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(noise, np.float64)


_OF_SKIN = {"skin-coloured mask", "hand"}
_DARK = _even((8.0, 8.0, 8.0), (55.0, 55.0, 55.0))
COVERS: dict[str, Cover] = {
    "blue surgical mask": Cover(
        _mask_area, _even((185.0, 150.0, 90.0), (240.0, 210.0, 160.0)), _pleats
    ),
    "white mask": Cover(_mask_area, _even((200.0, 200.0, 200.0), (250.0, 250.0, 250.0)), _smooth),
    "black mask": Cover(_mask_area, _DARK, _smooth),
    "skin-coloured mask": Cover(_mask_area, _like_skin, _smooth),
    "printed mask": Cover(_mask_area, _any_colour, _print),
    "scarf": Cover(_scarf_area, _any_colour, _folds),
    "niqab": Cover(_niqab_area, _DARK, _folds),
    "hand": Cover(_hand_area, _like_skin, _smooth),
}
