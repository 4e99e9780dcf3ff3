"""Faces drawn by code, always the same ones: ellipses, cartoons, emoji and harder kinds.

No photograph and no font is in them. `drawing` draws one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.stages.images import BGRImage

Random = np.random.Generator
Colour = tuple[int, int, int]
_SIDE_PX = 480
_SKINS: tuple[Colour, ...] = (
    (181, 219, 255),
    (150, 190, 235),
    (105, 150, 205),
    (70, 105, 160),
    (45, 70, 110),
)
_HAIR: tuple[Colour, ...] = (
    (20, 20, 25),
    (30, 60, 100),
    (60, 160, 220),
    (42, 42, 165),
    (90, 90, 90),
)
_BLACK, _WHITE, _RED = (0, 0, 0), (255, 255, 255), (40, 40, 200)


class Sheet:
    """Paper with a face's measures, in parts of its side."""

    def __init__(self, random: Random, background: BGRImage) -> None:
        self.image = background
        self.skin = _SKINS[int(random.integers(len(_SKINS)))]
        self.hair = _HAIR[int(random.integers(len(_HAIR)))]
        self.line = int(random.integers(2, 6))
        self.x, self.y = random.uniform(0.46, 0.54, 2)
        self.wide, self.high = random.uniform(0.20, 0.27), random.uniform(0.27, 0.34)
        self.eye_y, self.eye_x = random.uniform(0.08, 0.14), random.uniform(0.38, 0.5) * self.wide
        self.eye = random.uniform(0.028, 0.05)

    def ellipse(
        self, x: float, y: float, wide: float, high: float, colour: Colour, line: int = -1
    ) -> None:
        """Draw an ellipse around (x, y), both from the middle of the face."""
        centre = (round((self.x + x) * _SIDE_PX), round((self.y + y) * _SIDE_PX))
        axes = (max(1, round(wide * _SIDE_PX)), max(1, round(high * _SIDE_PX)))
        cv2.ellipse(self.image, centre, axes, 0, 0, 360, colour, line, cv2.LINE_AA)

    def arc(self, x: float, y: float, wide: float, high: float, colour: Colour, line: int) -> None:
        """Draw the lower half of an ellipse; with a high below 0 the upper one."""
        centre = (round((self.x + x) * _SIDE_PX), round((self.y + y) * _SIDE_PX))
        axes = (max(1, round(wide * _SIDE_PX)), max(1, round(abs(high) * _SIDE_PX)))
        start = 10 if high > 0 else 190
        cv2.ellipse(self.image, centre, axes, 0, start, start + 160, colour, line, cv2.LINE_AA)

    def path(self, points: list[tuple[float, float]], colour: Colour, line: int) -> None:
        """Draw a line through points, or fill between them where line is -1."""
        placed = np.array([[self.x + x, self.y + y] for x, y in points]) * _SIDE_PX
        corners = placed.round().astype(np.int32)
        if line < 0:
            cv2.fillPoly(self.image, [corners], colour, cv2.LINE_AA)
        else:
            cv2.polylines(
                self.image,
                [corners],
                isClosed=False,
                color=colour,
                thickness=line,
                lineType=cv2.LINE_AA,
            )

    def eyes(self, *, white: bool = True, size: float = 1.0, iris: Colour = (90, 60, 30)) -> None:
        """Draw both eyes."""
        for side in (-1, 1):
            x, y, eye = side * self.eye_x, -self.eye_y, self.eye * size
            if white:
                self.ellipse(x, y, eye, eye * 0.6, _WHITE)
                self.ellipse(x, y, eye, eye * 0.6, _BLACK, 1)
            self.ellipse(x, y, eye * 0.45, eye * 0.5, iris)
            self.ellipse(x, y, eye * 0.25, eye * 0.28, _BLACK)

    def brows(self) -> None:
        """Draw both brows."""
        for side in (-1, 1):
            self.arc(side * self.eye_x, -self.eye_y - 0.02, 0.05, -0.03, self.hair, self.line + 2)

    def nose(self) -> None:
        """Draw a nose as a bent line."""
        points = [(0.0, -self.eye_y + 0.02), (-0.025, 0.06), (0.02, 0.06)]
        self.path(points, tuple(int(c * 0.6) for c in self.skin), self.line)  # type: ignore[arg-type]


def _ellipses(random: Random, sheet: Sheet) -> None:
    sheet.ellipse(0, 0, sheet.wide, sheet.high, sheet.skin)
    sheet.ellipse(0, 0, sheet.wide, sheet.high, _BLACK, sheet.line)
    sheet.eyes()
    sheet.path([(0.0, -0.05), (-0.02, 0.06), (0.02, 0.06)], _BLACK, sheet.line)
    sheet.arc(0, 0.15, 0.09, random.uniform(0.02, 0.06), _RED, sheet.line + 3)
    if random.random() < 0.6:
        top = -sheet.high
        brim = [(-sheet.wide, top + 0.1), (-sheet.wide, top - 0.05)]
        sheet.path([*brim, (sheet.wide, top - 0.05), (sheet.wide, top + 0.1)], sheet.hair, -1)


def _cartoon(random: Random, sheet: Sheet) -> None:
    sheet.ellipse(0, -0.06, sheet.wide * 1.12, sheet.high * 1.0, sheet.hair)
    shade = tuple(int(c * 0.85) for c in sheet.skin)
    for side in (-1, 1):
        sheet.ellipse(side * sheet.wide, 0, 0.035, 0.06, shade)  # type: ignore[arg-type]
    sheet.path([(-0.09, 0.2), (-0.09, 0.5), (0.09, 0.5), (0.09, 0.2)], shade, -1)  # type: ignore[arg-type]
    sheet.ellipse(0, 0.02, sheet.wide, sheet.high * 0.95, sheet.skin)
    fringe = [(-sheet.wide, -0.12), (-0.1, -0.2), (0.0, -0.16), (0.12, -0.21), (sheet.wide, -0.12)]
    sheet.path([*fringe, (0.15, -0.34), (-0.15, -0.34)], sheet.hair, -1)
    sheet.eyes()
    sheet.brows()
    sheet.nose()
    sheet.ellipse(0, 0.16, 0.07, random.uniform(0.012, 0.035), (90, 90, 200))
    sheet.path([(-0.07, 0.16), (0.07, 0.16)], (40, 40, 110), 2)


def _emoji(random: Random, sheet: Sheet) -> None:
    radius = sheet.high * 0.95
    sheet.ellipse(0, 0, radius, radius, (50, 205, 255))
    sheet.ellipse(0, 0, radius, radius, (30, 150, 230), 4)
    kind = int(random.integers(4))
    if kind == 0:
        sheet.path([(-0.2, -0.14), (0.2, -0.14), (0.17, -0.02), (-0.17, -0.02)], _BLACK, -1)
    for side in (-1, 1):
        if kind == 1:
            sheet.arc(side * 0.11, -0.06, 0.05, -0.04, (40, 50, 80), 7)
        elif kind > 1:
            sheet.ellipse(side * 0.11, -0.08, 0.035, 0.055, (30, 40, 60))
            sheet.ellipse(side * 0.11 + 0.01, -0.1, 0.011, 0.015, _WHITE)
    if kind == 3:
        sheet.ellipse(0, 0.13, 0.12, 0.07, (30, 40, 90))
        sheet.ellipse(0, 0.17, 0.07, 0.03, (90, 90, 230))
    else:
        sheet.arc(0, 0.09, 0.13, 0.08, (40, 50, 80), 7)


def _shaded(random: Random, sheet: Sheet) -> None:
    _cartoon(random, sheet)
    rows, columns = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX] / _SIDE_PX
    light = 1.15 - 0.9 * np.hypot(rows - sheet.y + 0.08, columns - sheet.x + 0.08)
    lit = np.clip(sheet.image * light[..., None], 0, 255).astype(np.uint8)
    for side in (-1, 1):
        glow = Sheet(random, lit)
        glow.x, glow.y = sheet.x, sheet.y
        cheek = lit.copy()
        glow.image = cheek
        glow.ellipse(side * 0.12, 0.08, 0.05, 0.04, (120, 120, 230))
        lit = cv2.addWeighted(cv2.GaussianBlur(cheek, (0, 0), 6), 0.5, lit, 0.5, 0).astype(np.uint8)
    sheet.image = np.asarray(cv2.GaussianBlur(lit, (0, 0), random.uniform(0.6, 2.0)), np.uint8)


def _sketch(random: Random, sheet: Sheet) -> None:
    sheet.image[:] = 250
    grey = (60, 60, 60)
    sheet.ellipse(0, 0, sheet.wide, sheet.high, grey, 2)
    for step in range(40):
        x = -sheet.wide + step * sheet.wide / 20
        sheet.path([(x, -sheet.high * 0.8), (x + 0.04, -sheet.high * 1.15)], grey, 2)
        if random.random() < 0.5:
            sheet.path([(x, 0.2), (x + 0.03, 0.26)], (150, 150, 150), 1)
    sheet.eyes(iris=(120, 120, 120))
    sheet.hair = (40, 40, 40)
    sheet.brows()
    sheet.path([(0.0, -0.07), (-0.03, 0.05), (0.02, 0.06)], grey, 2)
    sheet.arc(0, 0.15, 0.07, 0.03, grey, 2)
    sheet.path([(-0.07, 0.15), (0.07, 0.15)], grey, 2)


def _anime(random: Random, sheet: Sheet) -> None:
    del random
    sheet.ellipse(0, -0.05, sheet.wide * 1.25, sheet.high * 1.05, sheet.hair)
    chin = [(-sheet.wide, -0.1), (-sheet.wide * 0.9, 0.1), (0.0, sheet.high)]
    mirrored = [(-x, y) for x, y in reversed(chin)]
    sheet.path(chin + mirrored, sheet.skin, -1)
    for side in (-1, 1):
        sheet.ellipse(side * 0.1, 0, 0.05, 0.07, _WHITE)
        sheet.ellipse(side * 0.1, 0.005, 0.038, 0.06, sheet.hair)
        sheet.ellipse(side * 0.1, 0.01, 0.02, 0.03, _BLACK)
        sheet.ellipse(side * 0.1 + 0.012, -0.025, 0.012, 0.016, _WHITE)
        sheet.arc(side * 0.1, -0.06, 0.06, -0.03, _BLACK, 5)
    sheet.path([(0.0, 0.09), (-0.008, 0.11)], _BLACK, 2)
    sheet.arc(0, 0.16, 0.04, 0.015, (60, 60, 160), 3)


def _printed(random: Random, sheet: Sheet) -> None:
    """Half-toned and compressed, as a scanned comic."""
    _cartoon(random, sheet)
    rows, columns = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX]
    dots = (np.sin(rows * 0.9) * np.sin(columns * 0.9) * random.uniform(6, 14))[..., None]
    dotted = np.clip(sheet.image + dots, 0, 255).astype(np.uint8)
    sheet.image = _compressed(dotted, int(random.integers(40, 80)))


def _grainy(random: Random, sheet: Sheet) -> None:
    """Drawn, then given a camera's noise and softness."""
    _cartoon(random, sheet)
    soft = cv2.GaussianBlur(sheet.image, (0, 0), random.uniform(0.8, 1.6)).astype(np.float64)
    noisy = np.clip(soft + random.normal(0, random.uniform(2, 6), soft.shape), 0, 255)
    sheet.image = _compressed(noisy.astype(np.uint8), 85)


STYLES: dict[str, Callable[[Random, Sheet], None]] = {
    "ellipses": _ellipses,
    "cartoon": _cartoon,
    "emoji": _emoji,
    "shaded": _shaded,
    "sketch": _sketch,
    "anime": _anime,
    "printed": _printed,
    "grainy": _grainy,
}


def _pixels(random: Random, sheet: Sheet) -> None:
    """As in an old computer game."""
    _cartoon(random, sheet)
    side = int(random.integers(36, 64))
    small = cv2.resize(sheet.image, (side, side), interpolation=cv2.INTER_AREA)
    large = cv2.resize(small, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_NEAREST)
    sheet.image = np.asarray(large, np.uint8)


def _glossy(random: Random, sheet: Sheet) -> None:
    """An emoji with light and shade."""
    _emoji(random, sheet)
    rows, columns = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX] / _SIDE_PX
    away = np.hypot(rows - sheet.y + 0.12, columns - sheet.x + 0.08)
    sheet.image = np.clip(sheet.image * (1.2 - away)[..., None], 0, 255).astype(np.uint8)


def _pencils(random: Random, sheet: Sheet) -> None:
    """Coloured in by strokes on rough paper."""
    _ellipses(random, sheet)
    strokes = np.zeros((_SIDE_PX, _SIDE_PX), np.float32)
    for _ in range(1500):
        x, y = random.integers(0, _SIDE_PX, 2)
        end = (int(x + random.integers(5, 25)), int(y - random.integers(5, 25)))
        cv2.line(strokes, (int(x), int(y)), end, (float(random.normal(0, 12)),), 2, cv2.LINE_AA)
    paper = strokes + random.normal(0, 5, strokes.shape)
    sheet.image = np.clip(sheet.image + paper[..., None], 0, 255).astype(np.uint8)


HELD_BACK_STYLES: dict[str, Callable[[Random, Sheet], None]] = {
    "pixels": _pixels,
    "glossy": _glossy,
    "pencils": _pencils,
}
"""Drawn after the limits of `models.stages.drawn` had been chosen."""


def drawing(style: str, number: int) -> BGRImage:
    """Draw one; the same style and number always give the same picture.

    Returns:
        (480, 480, 3) uint8, BGR.
    """
    styles = STYLES | HELD_BACK_STYLES
    random = np.random.default_rng([number, *style.encode()])
    sheet = Sheet(random, _background(random))
    styles[style](random, sheet)
    return sheet.image


def _background(random: Random) -> BGRImage:
    paper = np.empty((_SIDE_PX, _SIDE_PX, 3), np.uint8)
    paper[:] = random.integers(120, 256, 3)
    kind = int(random.integers(4))
    if kind == 1:
        coarse = random.integers(0, 256, (24, 24, 3), dtype=np.uint8)
        return np.asarray(
            cv2.resize(coarse, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_CUBIC), np.uint8
        )
    if kind == 2:
        noise = random.normal(0, 25, paper.shape)
        return np.clip(paper + noise, 0, 255).astype(np.uint8)
    if kind == 3:
        paper[:, (np.arange(_SIDE_PX) // 20) % 2 == 0] = random.integers(0, 200, 3)
    return paper


def _compressed(image: BGRImage, quality: int) -> BGRImage:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
