"""A glimpse: half a second of a face, measured from its first frame. The unit of evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.stages.liveness.motion import SurroundingsWatch
from models.stages.liveness.planarity import rigid_shapes
from models.stages.liveness.texture import FaceTexture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.images import FloatArray
    from models.stages.liveness.limits import LivenessLimits
    from models.stages.liveness.motion import Flow
    from models.stages.liveness.screen import ScreenSigns
    from models.stages.liveness.small import GreyImage, SmallView

Floats = NDArray[np.float64]
_SETTLED_S = 0.12  # sooner after the first frame too little has moved
_LATE_S = 0.28  # for the skin it takes longer
_LEAST = 3  # frames in which something must have been carried along
_NAN = float("nan")


@dataclass(frozen=True)
class Glimpse:
    """What half a second showed. Middle values over its frames, so that no single one decides.

    Attributes:
        begun_s: time of the frame it is measured from.
        ended_s: time of its last frame.
        frames: in which both the face and what is around it could be followed.
        width_px: of the face, in the small frame in which motion is measured.
        face: face widths; motion of the face against what is around it, NaN where unseen.
        near: motion of what is around it.
        carried: the same on the side that moved less, see `Flow`.
        far: motion of the far view.
        skin_soon: face widths; rms that no plane explains, from one frame to the next: the noise.
        skin_late: the same over a third of a second and more; NaN of a single frame.
        shape: (P, 3) middle shape of the mesh, see `rigid_shapes`.
        looks: for signs of a screen or a sheet.
        framed_looks: of them, those that found a frame around the face.
        moire_looks: those that found the pattern of a screen.
    """

    begun_s: float
    ended_s: float
    frames: int
    width_px: float
    face: float
    near: float
    carried: float
    far: float
    skin_soon: float
    skin_late: float
    shape: Floats
    looks: int
    framed_looks: int
    moire_looks: int

    def is_live_like(self, limits: LivenessLimits) -> bool:
        """Whether a head moved while everything around it stood still."""
        still = self._still(limits)
        is_still = self.frames >= limits.min_glimpse_frames and self.near <= still
        return bool(is_still and self.face >= max(limits.min_face_motion, 2 * still))

    def is_carried(self, limits: LivenessLimits) -> bool:
        """Whether what is around the face moved on both sides of it, and the far view did not."""
        is_moved = self.carried >= max(limits.min_carried, 2 * self._still(limits))
        return bool(is_moved and not self.moves_with_view(limits))

    def moves_with_view(self, limits: LivenessLimits) -> bool:
        """Whether everything moved alike: the camera did."""
        share = limits.max_view_motion
        is_alike = share * self.near < self.far <= self.near / share
        return bool(is_alike and self.near > self._still(limits))

    def _still(self, limits: LivenessLimits) -> float:
        """What stands still seems to move as much, for the noise of the picture."""
        return max(limits.max_still, limits.noise_px / self.width_px)


@dataclass
class GlimpseMaker:
    """Measures frames from a first one, until that is too old or the face too far from it."""

    begun_s: float
    ended_s: float
    _surroundings: SurroundingsWatch
    _texture: FaceTexture
    _points: list[FloatArray]
    _flows: list[tuple[float, Flow]] = field(default_factory=list)
    _skin_soon: float = _NAN
    _skin_late: list[float] = field(default_factory=list)
    _looks: int = 0
    _framed_looks: int = 0
    _moire_looks: int = 0

    @classmethod
    def begin(
        cls, time_s: float, frame_grey: GreyImage, view: SmallView, points_px: FloatArray
    ) -> GlimpseMaker:
        """Take the frame that others are measured from."""
        watch, texture = SurroundingsWatch(view, points_px), FaceTexture(frame_grey, points_px)
        return cls(time_s, time_s, watch, texture, [points_px])

    def is_spent(
        self, time_s: float, view: SmallView, points_px: FloatArray, limits: LivenessLimits
    ) -> bool:
        """Whether a frame must be measured from another one; slow cameras get more time."""
        is_full = len(self._settled()) >= limits.min_glimpse_frames
        is_old = time_s - self.begun_s > (limits.glimpse_s if is_full else limits.slow_glimpse_s)
        return is_old or self._surroundings.moved(view, points_px) > limits.glimpse_widths

    def take(
        self, time_s: float, frame_grey: GreyImage, view: SmallView, points_px: FloatArray
    ) -> None:
        """Measure a frame."""
        self._flows.append((time_s - self.begun_s, self._surroundings.look(view)))
        if len(self._points) == 1:
            self._skin_soon = self._texture.residual(frame_grey, points_px)
        elif time_s - self.begun_s >= _LATE_S:
            self._skin_late.append(self._texture.residual(frame_grey, points_px))
        self._points.append(points_px)
        self.ended_s = time_s

    def note(self, signs: ScreenSigns, limits: LivenessLimits) -> None:
        """Count what a look for a screen found."""
        self._looks += 1
        self._framed_looks += signs.enclosing_sides >= limits.min_frame_sides
        self._moire_looks += signs.moire > limits.max_moire

    def _settled(self) -> list[Flow]:
        return [flow for after_s, flow in self._flows if after_s >= _SETTLED_S]

    def glimpse(self) -> Glimpse:
        """What was seen so far."""
        flows = self._settled()
        seen = [flow for flow in flows if np.isfinite(flow.face)]  # and so is its room
        return Glimpse(
            begun_s=self.begun_s,
            ended_s=self.ended_s,
            frames=len(seen),
            width_px=self._surroundings.width_px,
            face=_middle([flow.face for flow in seen]),
            near=_middle([flow.near for flow in seen]),
            carried=_middle([flow.carried for flow in flows], least=_LEAST),
            far=_middle([flow.far for flow in flows]),
            skin_soon=self._skin_soon,
            skin_late=_middle(self._skin_late, least=2),
            shape=np.asarray(np.median(rigid_shapes(np.stack(self._points)), axis=0), np.float64),
            looks=self._looks,
            framed_looks=self._framed_looks,
            moire_looks=self._moire_looks,
        )


def _middle(values: Sequence[float], least: int = 1) -> float:
    seen = [value for value in values if np.isfinite(value)]
    return float(np.median(seen)) if len(seen) >= least else _NAN
