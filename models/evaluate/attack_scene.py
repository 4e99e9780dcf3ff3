"""A made-up room, camera and hand in which pictures and screens are held up, same for one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.stages.images import BGRImage

Floats = NDArray[np.float64]
Maps = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Where each pixel of the camera falls on a surface: x and y in millimetres, NaN beside it."""
SIZE_PX = (640, 480)
FOCAL_PX = 600.0  # a webcam with 56 degrees across
_TREMOR_HZ = (8.0, 12.0)  # Source: Elble and Koller, Tremor, 1990: physiological tremor of hands
_BANK_PX = 97  # noise is drawn once, and cut out anew for each frame
_SWAY_HZ = (0.3, 1.8)


@dataclass(frozen=True)
class Placement:
    """How a surface lies before the camera.

    Attributes:
        turn_deg: yaw, pitch, roll.
        offset_mm: x to the right, y down, z away, of its centre.
        curvature: 1/mm; 0 is flat, above 0 it bulges towards the camera about its upright axis.
    """

    turn_deg: tuple[float, float, float]
    offset_mm: tuple[float, float, float]
    curvature: float = 0.0


class Hand:
    """Slow sway and fast tremor of a hand: sums of sines with drawn frequencies and phases."""

    def __init__(
        self, random: np.random.Generator, sway: Floats, tremor: Floats, count: int = 3
    ) -> None:
        """Draw a hand.

        Args:
            random: drawn from.
            sway: (D,) amplitude of each coordinate.
            tremor: (D,) the same of the tremor.
            count: sines in each.
        """
        self._parts = [
            (amplitude[None] / count, random.uniform(*band, (count, len(amplitude))))
            for amplitude, band in ((sway, _SWAY_HZ), (tremor, _TREMOR_HZ))
        ]
        self._phases = [random.uniform(0, 2 * np.pi, part[1].shape) for part in self._parts]

    def at(self, time_s: float) -> Floats:
        """(D,): how far each coordinate is from rest."""
        waves = [
            (amplitude * np.sin(2 * np.pi * hertz * time_s + phase)).sum(axis=0)
            for (amplitude, hertz), phase in zip(self._parts, self._phases, strict=True)
        ]
        return cast("Floats", np.sum(waves, axis=0))


def rotation(turn_deg: tuple[float, float, float]) -> Floats:
    """(3, 3) of yaw about y, pitch about x, roll about z, applied in the order roll, pitch, yaw."""
    yaw, pitch, roll = np.radians(turn_deg)
    about_y = np.array(
        [[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]], np.float64
    )
    about_x = np.array(
        [[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]],
        np.float64,
    )
    about_z = np.array(
        [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1]], np.float64
    )
    return cast("Floats", about_y @ about_x @ about_z)


class SceneCamera:
    """A pinhole camera with noise; its pixels' rays are laid out once."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        width_px, height_px = SIZE_PX
        self._across = ((np.arange(width_px) - width_px / 2) / FOCAL_PX).astype(np.float32)[None]
        down = (np.arange(height_px) - height_px / 2) / FOCAL_PX
        self._down = down.astype(np.float32)[:, None]
        bank = (height_px + _BANK_PX, width_px + _BANK_PX, 3)
        self._noise = 2.0 * random.standard_normal(bank, np.float32)

    def look_at(self, placement: Placement) -> Maps:
        """Follow every ray to a surface: a plane, or a cylinder about its upright axis."""
        turn = rotation(placement.turn_deg).astype(np.float32)
        origin = (-turn.T @ np.array(placement.offset_mm)).astype(np.float32)
        x, y, z = (self._across * row[0] + self._down * row[1] + row[2] for row in turn.T)
        if placement.curvature == 0.0:
            steps = -origin[2] / z
            return origin[0] + steps * x, origin[1] + steps * y
        rays = np.stack([x, y, z], axis=-1)
        return _meet_cylinder(rays, origin, np.float32(1.0 / placement.curvature))

    def expose(self, picture: NDArray[np.float32]) -> BGRImage:
        """Add the blur of a lens and the noise of a sensor, and round.

        Args:
            picture: (H, W, 3) float32, 0 to 255. Not modified.
        """
        soft = cv2.GaussianBlur(picture, (0, 0), 0.6)
        top, left = self._random.integers(0, _BANK_PX, 2)
        noise = self._noise[top : top + picture.shape[0], left : left + picture.shape[1]]
        return np.asarray(np.clip(soft + noise, 0, 255), np.uint8)


def make_room(random: np.random.Generator) -> NDArray[np.float32]:
    """(H, W, 3) float32 BGR: a wall with stains, shelves, and straight edges as rooms have them."""
    width_px, height_px = SIZE_PX
    coarse = random.uniform(120, 190, (6, 8, 1)) + random.uniform(-12, 12, (6, 8, 3))
    room = np.asarray(
        cv2.resize(coarse.astype(np.float32), SIZE_PX, interpolation=cv2.INTER_CUBIC), np.float32
    )
    fine = random.normal(0, 8, (height_px // 4, width_px // 4, 1)).astype(np.float32)
    room += cv2.resize(fine, SIZE_PX)[..., None]
    for _ in range(9):
        x, y = int(random.integers(-80, width_px)), int(random.integers(-80, height_px))
        w, h = int(random.integers(40, 220)), int(random.integers(40, 220))
        colour = [float(value) for value in random.uniform(30, 230, 3)]
        cv2.rectangle(room, (x, y), (x + w, y + h), colour, -1)
    return np.asarray(cv2.GaussianBlur(room, (0, 0), 1.0), np.float32)


def moved_room(room: NDArray[np.float32], by_px: NDArray[np.float64]) -> NDArray[np.float32]:
    """(H, W, 3): the same room, seen by a camera that turned by so many pixels across and down."""
    moves = np.array([[1.0, 0.0, by_px[0]], [0.0, 1.0, by_px[1]]])
    moved = cv2.warpAffine(room, moves, SIZE_PX, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _meet_cylinder(
    rays: NDArray[np.float32], origin: NDArray[np.float32], radius: np.float32
) -> Maps:
    """Where rays meet x = r sin a, z = r (1 - cos a), on the half that faces the camera."""
    across, deep = origin[0], origin[2] - radius
    a = rays[..., 0] ** 2 + rays[..., 2] ** 2
    half = across * rays[..., 0] + deep * rays[..., 2]
    under = half**2 - a * (across**2 + deep**2 - radius**2)
    with np.errstate(invalid="ignore"):
        root = np.sqrt(under)
    steps = (-half - np.sign(radius) * root) / a
    x, z = across + steps * rays[..., 0], deep + steps * rays[..., 2]
    angle = np.arctan2(np.sign(radius) * x, -np.sign(radius) * z)
    return radius * angle, origin[1] + steps * rays[..., 1]
