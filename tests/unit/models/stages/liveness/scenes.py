"""Small made-up scenes: a head with depth, a flat one on a sheet or a screen, and a room."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.unit.models.stages.head_mesh import Points, at, head

if TYPE_CHECKING:
    from models.stages.liveness.watch import LivenessWatch

Image = NDArray[np.uint8]
STEP_S = 1 / 15
_CENTRE = (320, 220)
_HALF_PX = 52  # of the drawn head
_SHEET_PX = (130, 170)  # half width and half height


def textured(seed: int, grain_px: float, size: tuple[int, int] = (640, 480)) -> Image:
    """Spots everywhere, and nothing regular; for one seed the same."""
    noise = np.random.default_rng(seed).normal(0, 1, (size[1], size[0], 3))
    soft = cv2.GaussianBlur(noise, (0, 0), grain_px)
    return np.asarray(np.clip(128 + 45 * soft / soft.std(), 0, 255), np.uint8)


ROOM, SHEET, SKIN = textured(1, 5.0), textured(2, 5.0), textured(3, 2.0)


def view(aside: float = 0.0, deep: float = 0.0, carried: float | None = None) -> Image:
    """A frame.

    Args:
        aside: pixels that the head is to the right of the middle.
        deep: pixels that its nose is further to the right, as when it turns; 0 for a flat one.
        carried: pixels that the sheet or screen is to the right on which it is; None: on none.
    """
    picture = ROOM.copy()
    if carried is not None:
        left, top = round(_CENTRE[0] + carried) - _SHEET_PX[0], _CENTRE[1] - _SHEET_PX[1]
        moved = cv2.warpAffine(SHEET, np.array([[1, 0, carried], [0, 1, 0.0]]), (640, 480))
        right, bottom = left + 2 * _SHEET_PX[0], top + 2 * _SHEET_PX[1]
        picture[top:bottom, left:right] = moved[top:bottom, left:right]
    y, x = np.mgrid[0:480, 0:640].astype(np.float32)
    x, y = x - np.float32(_CENTRE[0] + aside), y - np.float32(_CENTRE[1])
    far = (x / _HALF_PX) ** 2 + (y / (1.25 * _HALF_PX)) ** 2
    nearness = np.clip(1 - far, 0, 1)
    skin = cv2.remap(SKIN, x + 320 - np.float32(deep) * nearness, y + 240, cv2.INTER_LINEAR)
    picture[far < 1] = skin[far < 1]
    return picture


def placed(shape: Points, aside: float) -> Points:
    """(468, 3): a head in such a frame, with the outline of the drawn one."""
    points = shape * np.float32(0.8)
    points[[234, 454, 10, 152], :2] = ((-40, 0), (40, 0), (0, -50), (0, 50))  # temples, brow, chin
    return at(points, _CENTRE[0] + aside, _CENTRE[1])


def points_of(aside: float) -> Points:
    """(468, 3) of the head in such a frame; its own shape does not tell."""
    return placed(head(), aside)


Scene = Callable[[float], tuple[float, float, float | None]]
"""Arguments of `view` at a time."""


def person(time_s: float) -> tuple[float, float, float | None]:
    """Somebody who sways and turns a little."""
    return 7 * np.sin(4 * time_s), 4 * np.sin(4 * time_s), None


def still(_time_s: float) -> tuple[float, float, float | None]:
    """A print on a stand, or somebody who keeps quite still."""
    return 0.0, 0.0, None


def held_print(time_s: float) -> tuple[float, float, float | None]:
    """A print that is held in a hand."""
    aside = 9 * np.sin(5 * time_s)
    return aside, 0.0, aside


def held_video(time_s: float) -> tuple[float, float, float | None]:
    """A video of somebody who moves, held in a hand."""
    carried = 9 * np.sin(5 * time_s)
    return carried + 6 * np.sin(7 * time_s), 4 * np.sin(7 * time_s), carried


def cut_out(time_s: float) -> tuple[float, float, float | None]:
    """A print that was cut out along the head."""
    return 7 * np.sin(4 * time_s), 0.0, None


ATTACKS: tuple[Scene, ...] = (still, held_print, held_video, cut_out)


def play(
    watch: LivenessWatch, scene: Scene, begin_s: float, seconds: float
) -> Iterator[LivenessWatch]:
    """Show a scene; gives the watch after each frame."""
    for time_s in begin_s + np.arange(0, seconds, STEP_S):
        aside, deep, carried = scene(float(time_s))
        watch.observe(float(time_s), view(aside, deep, carried), points_of(aside))
        yield watch
