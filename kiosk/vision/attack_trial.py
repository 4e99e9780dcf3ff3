"""Shows the liveness check a picture of a face, as a technician's test, and counts its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kiosk.vision.liveness import LivenessGate

if TYPE_CHECKING:
    from kiosk.domain.liveness import LivenessVerdict
    from models.stages.images import BGRImage, FloatArray
    from protocol.v1.messages import LivenessLevel

_TRACK = 1


class AttackTrial:
    """Asks the check as the door does, again and again. Used by the recognition thread alone.

    Args:
        level: of the policy in force.

    Attributes:
        verdicts: what the check said, in order.
    """

    def __init__(self, level: LivenessLevel) -> None:
        self._level = level
        self._gate = LivenessGate()
        self.verdicts: list[LivenessVerdict] = []

    def observe(self, at_s: float, frame_bgr: BGRImage, points_px: FloatArray) -> None:
        """Take in a frame that shows a face.

        Args:
            at_s: when it was captured.
            frame_bgr: (H, W, 3) uint8. Not modified, not kept.
            points_px: (468, 3) float32 of the face in it.
        """
        self._gate.observe(_TRACK, at_s, frame_bgr, points_px)
        reading = self._gate.reading(_TRACK, self._level, at_s)
        if reading is not None:
            self.verdicts.append(reading.verdict)
            self._gate = LivenessGate()
