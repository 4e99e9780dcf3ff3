"""Watches one tracked face, frame by frame, and keeps numbers of the last seconds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

import numpy as np

from models.stages.liveness.glimpse import Glimpse, GlimpseMaker
from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.screen import screen_signs
from models.stages.liveness.small import Blend, grey_of, small_view
from models.stages.liveness.verdict import Verdict, judge

if TYPE_CHECKING:
    from models.stages.images import BGRImage, FloatArray

_LOOK_S = 0.19  # between two looks for a screen or a sheet: they change slowly, and cost most


class LivenessWatch:
    """The passive check of one track. Used by one thread at a time.

    Frames come at the rate of recognition. What each costs: scripts/bench/liveness.py.
    """

    def __init__(self, limits: LivenessLimits | None = None) -> None:
        """Start with nothing.

        Args:
            limits: the defaults where None.
        """
        self._limits = limits or LivenessLimits()
        self._glimpses: deque[Glimpse] = deque()
        self._maker: GlimpseMaker | None = None
        self._blend = Blend()
        self._looked_s = float("-inf")
        self._shape: tuple[int, ...] = ()

    @property
    def glimpses(self) -> tuple[Glimpse, ...]:
        """Of the last seconds, in order of time; the last one may still grow."""
        now = (self._maker.glimpse(),) if self._maker else ()
        return (*self._glimpses, *now)

    def observe(self, time_s: float, frame_bgr: BGRImage, points_px: FloatArray) -> bool:
        """Take a frame in.

        Args:
            time_s: of the frame.
            frame_bgr: (H, W, 3) uint8. Not modified, not kept.
            points_px: (468, 3) float32 of the track's face in it.

        Returns:
            Whether the frame was taken; those too near to the one before are not.
        """
        if not np.isfinite(points_px).all():
            return False
        if self._maker is not None:
            since_s = time_s - self._maker.ended_s
            if 0 <= since_s < self._limits.period_s:
                return False
            if not 0 <= since_s <= self._limits.max_gap_s or frame_bgr.shape != self._shape:
                self.forget()
        self._shape = frame_bgr.shape
        grey = grey_of(frame_bgr)
        view = small_view(grey)
        self._blend.add(view)
        maker = self._maker
        if maker is None or maker.is_spent(time_s, view, points_px, self._limits):
            if maker is not None:
                self._glimpses.append(maker.glimpse())
            maker = self._maker = GlimpseMaker.begin(time_s, grey, view, points_px)
        else:
            maker.take(time_s, grey, view, points_px)
        if time_s - self._looked_s >= _LOOK_S:
            maker.note(screen_signs(frame_bgr[..., 1], self._blend.view(), points_px), self._limits)
            self._looked_s = time_s
        while self._glimpses and time_s - self._glimpses[0].begun_s > 2 * self._limits.window_s:
            self._glimpses.popleft()
        return True

    def verdict(self, now_s: float | None = None) -> Verdict:
        """Judge what was seen in the last seconds.

        Args:
            now_s: on the frames' clock; a face that was not seen for too long is judged by nothing.
        """
        seen_s = self._maker.ended_s if self._maker else 0.0
        is_gone = now_s is not None and now_s - seen_s > self._limits.max_gap_s
        return judge(() if is_gone else self.glimpses, self._limits)

    def forget(self) -> None:
        """Start from nothing, as with another face."""
        self._glimpses.clear()
        self._maker = None
        self._blend = Blend()
        self._looked_s = float("-inf")
