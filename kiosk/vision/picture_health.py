"""Whether a camera's pictures are pictures: black, frozen or alive. Pure."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from kiosk.domain.ports import BGRImage

_STEP_PX = 16


class PictureVerdict(StrEnum):
    """What the last pictures say about the camera."""

    ALIVE = "alive"
    UNDECIDED = "undecided"
    BLACK = "black"
    FROZEN = "frozen"


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """When a picture counts as bad.

    Attributes:
        black_level: the brightest 2 % of a black picture stay at or below it, 0..255.
        patience_s: how long pictures are black or all the same before that is said.
    """

    black_level: int = 24
    patience_s: float = 2.0


def thumbnail(frame_bgr: BGRImage) -> NDArray[np.uint8]:
    """Every 16th pixel of the green channel: (ceil(H/16), ceil(W/16)) uint8, a copy."""
    return np.ascontiguousarray(frame_bgr[::_STEP_PX, ::_STEP_PX, 1])


def is_black(picture: NDArray[np.uint8], black_level: int) -> bool:
    """Whether hardly any pixel is brighter than ``black_level``."""
    return float(np.percentile(picture, 98)) <= black_level


class PictureJudge:
    """Looks at one camera's pictures in order. Sensor noise tells a still scene from a frozen one.

    Not for clips: they may hold equal frames by right.
    """

    def __init__(self, limits: PictureLimits) -> None:
        self._limits = limits
        self._last: NDArray[np.uint8] | None = None
        self._black_since_s: float | None = None
        self._same_since_s: float | None = None

    def judge(self, picture: NDArray[np.uint8], at_s: float) -> PictureVerdict:
        """Take in the next picture (a ``thumbnail``) captured at ``at_s`` (monotonic)."""
        is_same = self._last is not None and np.array_equal(self._last, picture)
        is_first = self._last is None
        self._last = picture
        if is_black(picture, self._limits.black_level):
            self._same_since_s = None
            self._black_since_s = at_s if self._black_since_s is None else self._black_since_s
            return self._patiently(PictureVerdict.BLACK, at_s - self._black_since_s)
        self._black_since_s = None
        if is_same:
            self._same_since_s = at_s if self._same_since_s is None else self._same_since_s
            return self._patiently(PictureVerdict.FROZEN, at_s - self._same_since_s)
        self._same_since_s = None
        return PictureVerdict.UNDECIDED if is_first else PictureVerdict.ALIVE

    def _patiently(self, verdict: PictureVerdict, lasted_s: float) -> PictureVerdict:
        return verdict if lasted_s >= self._limits.patience_s else PictureVerdict.UNDECIDED
