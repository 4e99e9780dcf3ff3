"""Finds blinks in a curve of eye aspect ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.stages.liveness.limits import LivenessLimits

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blink:
    """Eyes that shut and opened again.

    Attributes:
        shut_at_s: first frame below the limit.
        open_at_s: first frame above it again.
        depth: lowest ratio over the usual one, 0 to 1.
    """

    shut_at_s: float
    open_at_s: float
    depth: float


def find_blinks(times_s: Floats, ratios: Floats, limits: LivenessLimits) -> list[Blink]:
    """Find where the ratio falls well below the usual one and comes back in time.

    Args:
        times_s: (F,) rising.
        ratios: (F,) eye aspect ratios.
        limits: how far, and for how long.

    Returns:
        In order of time. Eyes shut at the first or last frame are none: the other half is unseen.
    """
    if len(ratios) < 3:
        return []
    usual = float(np.percentile(ratios, 75))
    shut = (ratios < limits.blink_drop * usual).astype(np.int8)
    changes = np.diff(shut)
    begins, ends = np.nonzero(changes == 1)[0] + 1, np.nonzero(changes == -1)[0] + 1
    ends = ends[ends > begins[0]] if len(begins) else ends[:0]
    found = [
        Blink(float(times_s[b]), float(times_s[e]), float(ratios[b:e].min() / usual))
        for b, e in zip(begins, ends, strict=False)
    ]
    return [
        blink
        for blink in found
        if limits.blink_min_s <= blink.open_at_s - blink.shut_at_s <= limits.blink_max_s
    ]
