"""Guide a person at a camera: what to put right, how far each measure is from its limit."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import floor
from typing import Literal

from server.ml.quality import FrameMeasure, FrameQuality

Pose = Literal["straight", "left", "right"]
#: A head turned further than this is turned, degrees; how far is too far says the service.
STRAIGHT_DEG = 10.0
#: The bars of the page, each the worst of these measures of the service.
BARS = {
    "size": ("side", "area"),
    "light": ("brightness",),
    "sharpness": ("sharpness",),
    "turn": ("yaw",),
    "tilt": ("pitch", "roll"),
    "eyes": ("eyes_open",),
    "cover": ("covered",),
    "centre": ("off_centre",),
}
#: Where a bar stands when its measure is exactly at its limit.
AT_LIMIT = 50.0


@dataclass(frozen=True)
class Guidance:
    """What to say and show of one picture.

    Attributes:
        reason: code of the first thing to put right; what would refuse the photo goes first.
        pose: where the head points; None where that cannot be told.
        bars: 0 to 100 by name of the bar, 50 at the limit; None where it was not measured.
    """

    reason: str | None
    pose: Pose | None
    bars: dict[str, int | None]


def guide(quality: FrameQuality) -> Guidance:
    """Make guidance of what the service says."""
    reasons = (*quality.blocking, *quality.reasons)
    yaw = quality.measures.get("yaw")
    return Guidance(
        reason=reasons[0] if reasons else None,
        pose=None if yaw is None else _pose(yaw.value),
        bars={name: _bar(quality, measures) for name, measures in BARS.items()},
    )


def _pose(yaw_deg: float) -> Pose:
    """The person's own left and right: the service counts turns to the person's left above 0."""
    if abs(yaw_deg) <= STRAIGHT_DEG:
        return "straight"
    return "left" if yaw_deg > 0 else "right"


def _bar(quality: FrameQuality, measures: tuple[str, ...]) -> int | None:
    found = [quality.measures[name] for name in measures if name in quality.measures]
    return min(map(_height, found)) if found else None


def _height(measure: FrameMeasure) -> int:
    """0 to 100; rounded down, so that what falls short never stands at the limit."""
    least, most, value = measure.least, measure.most, measure.value
    height = 100.0
    if least is not None and most is not None and most > least:
        half = (most - least) / 2
        height -= AT_LIMIT * abs(value - (least + half)) / half
    elif least is not None and least > 0:
        height = AT_LIMIT * value / least
    elif most is not None and most > 0:
        height -= AT_LIMIT * value / most
    return floor(min(100.0, max(0.0, height)))


class GuidanceGate:
    """Lets few pictures through at a time, so that no camera takes the service from the photos.

    Safe to share between threads.
    """

    def __init__(
        self, monotonic: Callable[[], float], *, at_once: int, every_s: float = 0.25
    ) -> None:
        """Start open.

        Args:
            monotonic: seconds.
            at_once: most pictures being judged at the same time.
            every_s: shortest time between two pictures of one person.
        """
        self._monotonic = monotonic
        self._every_s = every_s
        self._free = threading.BoundedSemaphore(at_once)
        self._lock = threading.Lock()
        self._last_s: dict[object, float] = {}

    @contextmanager
    def passing(self, person: object) -> Iterator[bool]:
        """Whether this person's next picture may be judged now; the block is the judging."""
        may_pass = self._is_due(person) and self._free.acquire(blocking=False)
        try:
            yield may_pass
        finally:
            if may_pass:
                self._free.release()

    def _is_due(self, person: object) -> bool:
        now_s = self._monotonic()
        with self._lock:
            recent = {k: at for k, at in self._last_s.items() if now_s - at < self._every_s}
            is_due = person not in recent
            self._last_s = recent | ({person: now_s} if is_due else {})
        return is_due
