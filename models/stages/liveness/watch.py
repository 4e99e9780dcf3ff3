"""Watches one tracked face, frame by frame, and keeps numbers of the last seconds."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from models.stages.liveness.glimpse import Glimpse, GlimpseMaker
from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.screen import screen_signs
from models.stages.liveness.small import Blend, grey_of, small_view
from models.stages.liveness.verdict import Verdict, judge

if TYPE_CHECKING:
    from models.stages.images import BGRImage, FloatArray

_SIGNS_EVERY = 3  # signs of a carrier change slowly and cost most


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
        self._count = 0

    @property
    def glimpses(self) -> tuple[Glimpse, ...]:
        """Of the last seconds, in order of time; the last one may still grow."""
        now = (self._maker.glimpse(),) if self._maker else ()
        return (*self._glimpses, *now)

    def observe(self, time_s: float, frame_bgr: BGRImage, points_px: FloatArray) -> bool:
        """Take a frame in.

        Args:
            time_s: of the frame; a time at or before the last one's is passed over.
            frame_bgr: (H, W, 3) uint8. Not modified, not kept.
            points_px: (468, 3) float32 of the track's face in it.

        Returns:
            Whether the frame was taken; those too near to the one before are not.
        """
        if self._maker is not None:
            since_s = time_s - self._maker.ended_s
            if since_s < self._limits.period_s:
                return False
            if since_s > self._limits.max_gap_s:
                self.forget()
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
        if self._count % _SIGNS_EVERY == 0:
            maker.note(screen_signs(frame_bgr[..., 1], self._blend.view(), points_px), self._limits)
        self._count += 1
        while self._glimpses and time_s - self._glimpses[0].begun_s > self._limits.window_s:
            self._glimpses.popleft()
        return True

    def verdict(self) -> Verdict:
        """Judge what was seen in the last seconds."""
        return judge(self.glimpses, self._limits)

    def forget(self) -> None:
        """Start from nothing, as with another face."""
        self._glimpses.clear()
        self._maker = None
        self._blend = Blend()
        self._count = 0
