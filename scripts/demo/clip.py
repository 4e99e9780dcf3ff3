"""Make the demo's clip: people walk up to the kiosk one after another.

Each person is one real photo, cut out softly around the head, that comes nearer, stays, sways as
people do, and leaves; 640x480 at 30 frames per second, Motion JPEG.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from models.pipeline import FacePipeline

WIDTH_PX, HEIGHT_PX, FPS = 640, 480, 30
_APPROACH_S, _STAY_S, _LEAVE_S, _GAP_S = 1.0, 1.8, 0.6, 0.8
_FAR_PX, _NEAR_PX = 110.0, 330.0  # height of the head-and-shoulders cut-out
_CUT_FACTOR = 2.3  # side of the cut-out, in face sides

BGRImage = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class CutOut:
    """A head cut from a photo: (S, S, 3) uint8 BGR and its (S, S, 1) float32 opacity 0..1."""

    image_bgr: BGRImage
    opacity: npt.NDArray[np.float32]


def cut_out(photo_bgr: BGRImage, pipeline: FacePipeline) -> CutOut:
    """Cut the largest face with hair and shoulders out of a photo, with a soft edge.

    Raises:
        ValueError: the photo shows no face.
    """
    faces = pipeline.detect(photo_bgr)
    if not faces:
        raise ValueError("no face in a sample photo")
    left, top, width, height = max(faces, key=lambda face: face.box_px[2]).box_px
    side = int(_CUT_FACTOR * max(width, height))
    centre_x, centre_y = left + width / 2, top + height * 0.52
    shift = np.array([[1, 0, side / 2 - centre_x], [0, 1, side / 2 - centre_y]], np.float32)
    image = cv2.warpAffine(photo_bgr, shift, (side, side), borderMode=cv2.BORDER_REFLECT_101)
    return CutOut(image.astype(np.uint8), _soft_oval(side))


def _soft_oval(side_px: int) -> npt.NDArray[np.float32]:
    mask = np.zeros((side_px, side_px), np.float32)
    centre, half = side_px / 2, side_px / 2
    axes = (int(half * 0.72), int(half * 0.88))
    cv2.ellipse(mask, (int(centre), int(centre)), axes, 0, 0, 360, (1.0,), -1)
    softness = side_px // 12 * 2 + 1
    blurred = cv2.GaussianBlur(mask, (softness, softness), 0)
    return blurred.astype(np.float32)[..., None]


def corridor() -> BGRImage:
    """A plain school corridor: wall, floor and a little noise, (480, 640, 3) uint8 BGR."""
    rows = np.linspace(0, 1, HEIGHT_PX, dtype=np.float32)[:, None, None]
    wall = np.array([200, 205, 206], np.float32) - rows * 45
    image = np.broadcast_to(wall, (HEIGHT_PX, WIDTH_PX, 3)).copy()
    image[int(HEIGHT_PX * 0.86) :] *= 0.72
    noise = np.random.default_rng(7).normal(0, 2.0, image.shape)
    frame: BGRImage = np.clip(image + noise, 0, 255).astype(np.uint8)
    return frame


def paste(background_bgr: BGRImage, person: CutOut, side_px: float, x: float, y: float) -> BGRImage:
    """`background_bgr` with the cut-out drawn `side_px` large around (x, y); input unchanged."""
    side = round(side_px)
    scaled = cv2.resize(person.image_bgr, (side, side), interpolation=cv2.INTER_AREA)
    opacity = cv2.resize(person.opacity, (side, side), interpolation=cv2.INTER_AREA)[..., None]
    left, top = round(x - side / 2), round(y - side / 2)
    rows = slice(max(0, top), min(HEIGHT_PX, top + side))
    columns = slice(max(0, left), min(WIDTH_PX, left + side))
    seen = np.s_[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
    frame = background_bgr.copy()
    under = frame[rows, columns].astype(np.float32)
    frame[rows, columns] = (under + (scaled[seen] - under) * opacity[seen]).astype(np.uint8)
    return frame


def _visit(background: BGRImage, person: CutOut, seed: int) -> Iterator[BGRImage]:
    """One person comes, stays, leaves."""
    side_of_entry = -1 if seed % 2 else 1
    total_s = _APPROACH_S + _STAY_S + _LEAVE_S
    for index in range(int(total_s * FPS)):
        t = index / FPS
        near = _ease(t / _APPROACH_S) * _ease((total_s - t) / _LEAVE_S)
        sway = math.sin(2 * math.pi * 0.7 * t + seed)
        x = WIDTH_PX / 2 + side_of_entry * (1 - near) * 210 + 5 * sway
        y = HEIGHT_PX * (0.62 - 0.12 * near) + 3 * math.sin(2 * math.pi * 1.1 * t)
        yield paste(background, person, _FAR_PX + (_NEAR_PX - _FAR_PX) * near, x, y)


def _ease(fraction: float) -> float:
    x = min(1.0, max(0.0, fraction))
    return x * x * (3 - 2 * x)


def frames(people: Sequence[CutOut]) -> Iterator[BGRImage]:
    """Every frame of the clip, (480, 640, 3) uint8 BGR."""
    background = corridor()
    gap = int(_GAP_S * FPS)
    yield from [background] * gap
    for seed, person in enumerate(people):
        yield from _visit(background, person, seed)
        yield from [background] * gap


@dataclass(frozen=True)
class Appearance:
    """Who comes: a photo, mirrored where it is the one that person was enrolled with."""

    photo: Path
    is_mirrored: bool


def write(path: Path, appearances: Sequence[Appearance], pipeline: FacePipeline) -> None:
    """Write the clip of these people, in that order, as Motion JPEG in AVI.

    Raises:
        ValueError: a photo cannot be read or shows no face.
        OSError: the file cannot be written.
    """
    people = [cut_out(_read(appearance), pipeline) for appearance in appearances]
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), fourcc, FPS, (WIDTH_PX, HEIGHT_PX))
    if not writer.isOpened():
        raise OSError(f"cannot write {path}")
    for frame in frames(people):
        writer.write(frame)
    writer.release()


def _read(appearance: Appearance) -> BGRImage:
    image = cv2.imread(str(appearance.photo))
    if image is None:
        raise ValueError(f"cannot read {appearance.photo.name}")
    turned = cv2.flip(image, 1) if appearance.is_mirrored else image
    return turned.astype(np.uint8)
