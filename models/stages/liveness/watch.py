"""Watches one tracked face, frame by frame, and keeps numbers of the last seconds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.motion import SurroundingsWatch
from models.stages.liveness.screen import screen_signs
from models.stages.liveness.small import small_view
from models.stages.liveness.verdict import FaceSample, Verdict, gather, judge

if TYPE_CHECKING:
    from models.stages.images import BGRImage, FloatArray

_SIGNS_EVERY = 5  # signs of a carrier change slowly and cost most


class LivenessWatch:
    """The passive check of one track. Used by one thread at a time.

    Frames come at the rate of recognition. Each costs well under a millisecond
    (scripts/bench/liveness.py).
    """

    def __init__(self, limits: LivenessLimits | None = None) -> None:
        """Start with nothing.

        Args:
            limits: the defaults where None.
        """
        self._limits = limits or LivenessLimits()
        self._samples: deque[FaceSample] = deque()
        self._surroundings = SurroundingsWatch()
        self._count = 0

    @property
    def samples(self) -> tuple[FaceSample, ...]:
        """What is kept, in order of time; for replaying."""
        return tuple(self._samples)

    def observe(self, time_s: float, frame_bgr: BGRImage, points_px: FloatArray) -> bool:
        """Take a frame in.

        Args:
            time_s: of the frame; a time at or before the last one's is passed over.
            frame_bgr: (H, W, 3) uint8. Not modified, not kept.
            points_px: (468, 3) float32 of the track's face in it.

        Returns:
            Whether the frame was taken; those too near to the one before are not.
        """
        if self._samples:
            since_s = time_s - self._samples[-1].time_s
            if since_s < self._limits.period_s:
                return False
            if since_s > self._limits.max_gap_s:
                self.forget()
        view = small_view(frame_bgr)
        flow = self._surroundings.look(time_s, view, points_px)
        signs = None if self._count % _SIGNS_EVERY else screen_signs(frame_bgr, view, points_px)
        self._count += 1
        self._samples.append(FaceSample(time_s, points_px, flow, signs))
        while time_s - self._samples[0].time_s > self._limits.window_s:
            self._samples.popleft()
        return True

    def verdict(self) -> Verdict:
        """Judge what was seen in the last seconds; about a millisecond, so not for each frame."""
        return judge(gather(self._samples, self._limits), self._limits)

    def forget(self) -> None:
        """Start from nothing, as with another face."""
        self._samples.clear()
        self._surroundings = SurroundingsWatch()
        self._count = 0
