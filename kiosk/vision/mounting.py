"""Notices a camera that hangs upside down or on its side: faces are found only in turned pictures.

The detector also finds many upside-down faces and calls them upright, with a lower score. So an
upright face counts by its score, and a turned one only where turning makes the score much better.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import radians
from typing import Protocol

from kiosk.domain.ports import BGRImage, Frame
from kiosk.vision.turning import turned
from models.stages.detect import Detection
from models.stages.landmarks import Landmarks

TURNS_DEG = (180, 90, 270)
_LARGEST_ROLL_RAD = radians(45)


class TurnModels(Protocol):
    """The part of the face models that is used here."""

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        """Every face of a frame."""
        ...

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        """The points of a face; None where there is none."""
        ...


@dataclass(frozen=True, slots=True)
class MountingLimits:
    """When the camera counts as turned.

    Source of the scores: docs/measurements/turned-camera.md.

    Attributes:
        upright_score: an upright face is found with at least this score, 0 to 1.
        upright_frames: so many frames with one, each within `upright_s` of the one before.
        upright_s: see above.
        turned_score: a face in a turned picture has at least this score.
        gain: its score is better by at least this than that of any face before the turn.
        sightings: so many turned faces without an upright one in between.
        memory_s: a sighting is forgotten after this.
        quiet_s: no check for so long after an upright face.
        period_s: between two checks; each looks at one turned picture.
    """

    upright_score: float = 0.85
    upright_frames: int = 3
    upright_s: float = 1.0
    turned_score: float = 0.7
    gain: float = 0.1
    sightings: int = 3
    memory_s: float = 600.0
    quiet_s: float = 20.0
    period_s: float = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class _TurnedFace:
    turn_deg: int
    picture_bgr: BGRImage
    face: Detection


class MountingWatch:
    """Looks at frames in order. Used by one thread; `turn_deg` may be read by any.

    Attributes:
        turn_deg: pictures must be turned clockwise by this to be upright: 0, or 90, 180 or 270
            once enough faces were found only so.
    """

    def __init__(self, models: TurnModels, limits: MountingLimits | None = None) -> None:
        self._models = models
        self._limits = limits or MountingLimits()
        self.turn_deg = 0
        self._best_score = 0.0
        self._upright_run: tuple[float, int] = (float("-inf"), 0)
        self._next_check_s: float | None = None
        self._sightings: dict[int, list[float]] = {turn_deg: [] for turn_deg in TURNS_DEG}
        self._turns = deque(TURNS_DEG)

    def use(self, models: TurnModels) -> None:
        """Look with other models from now on; what was seen so far counts on."""
        self._models = models

    def note(self, found: Sequence[Detection], at_s: float) -> None:
        """Take in the faces of a frame as the camera gives it; costs nothing worth measuring."""
        if self._next_check_s is None:
            self._next_check_s = at_s + self._limits.period_s
        self._best_score = max((face.score for face in found if is_level(face)), default=0.0)
        if self._best_score < self._limits.upright_score:
            return
        last_s, count = self._upright_run
        count = count + 1 if at_s - last_s <= self._limits.upright_s else 1
        self._upright_run = (at_s, count)
        if count >= self._limits.upright_frames:
            self.turn_deg = 0
            for seen in self._sightings.values():
                seen.clear()
            self._next_check_s = at_s + self._limits.quiet_s

    def is_due(self, at_s: float) -> bool:
        """Return whether it is time to look at a turned picture: never beside an upright face."""
        is_upright = self._best_score >= self._limits.upright_score
        return not is_upright and self._next_check_s is not None and at_s >= self._next_check_s

    def check(self, frame: Frame) -> None:
        """Look for a face in the frame, turned; the frame is the one `note` was last told of.

        Takes about as long as one detection while there is none. Where there is one, the other
        turns are looked at too: upside-down faces are found as well, only with a lower score.

        Raises:
            models.errors.ModelsError: the models failed.
        """
        at_s = frame.captured_at_s
        self._next_check_s = at_s + self._limits.period_s
        least = max(self._limits.turned_score, self._best_score + self._limits.gain)
        found = self._look(frame, self._turns[0])
        if found is None or found.face.score < least:
            self._turns.rotate(-1)
            return
        others = [self._look(frame, turn_deg) for turn_deg in list(self._turns)[1:]]
        best = max([found, *filter(None, others)], key=lambda one: one.face.score)
        if self._models.landmarks(best.picture_bgr, best.face) is None:
            self._turns.rotate(-1)
            return
        self._count(best.turn_deg, at_s)

    def _look(self, frame: Frame, turn_deg: int) -> "_TurnedFace | None":
        """Return the surest level face of the frame, turned; None where there is none."""
        picture = turned(frame.frame_bgr, turn_deg)
        faces = [face for face in self._models.detect(picture) if is_level(face)]
        best = max(faces, key=lambda face: face.score, default=None)
        return None if best is None else _TurnedFace(turn_deg, picture, best)

    def _count(self, turn_deg: int, at_s: float) -> None:
        """Enter a sighting; the same turn is looked at first next time."""
        since_s = at_s - self._limits.memory_s
        seen = [seen_s for seen_s in self._sightings[turn_deg] if seen_s >= since_s]
        self._sightings[turn_deg] = [*seen, at_s]
        self._turns.rotate(-self._turns.index(turn_deg))
        if len(seen) + 1 >= self._limits.sightings:
            self.turn_deg = turn_deg


def is_level(face: Detection) -> bool:
    """Return whether the line through the eyes is nearer to level than to upright."""
    return abs(face.roll_rad) <= _LARGEST_ROLL_RAD
