"""Holds a match back until the face before the camera has shown that it is alive.

Passive: the match waits for a sign of life, at most `PASSIVE_WAIT_S`; then what was seen until then
counts. Active: the person is asked for one motion, one person at a time, and must not look like a
picture either. When unsure: active where passive could not decide. All that is known belongs to a
track and goes with it. See docs/liveness.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from kiosk.domain.liveness import UNCHECKED, LivenessReading, LivenessVerdict, Motion
from models.stages.liveness.challenge import (
    Challenge,
    ChallengeDesk,
    ChallengeState,
    PoseSample,
    pose_sample,
)
from models.stages.liveness.verdict import Outcome
from models.stages.liveness.watch import LivenessWatch
from protocol.v1.messages import LivenessLevel

if TYPE_CHECKING:
    from collections.abc import Collection

    from models.stages.images import BGRImage, FloatArray

PASSIVE_WAIT_S = 2.5
_VERDICTS = {
    Outcome.LIVE: LivenessVerdict.LIVE,
    Outcome.ATTACK: LivenessVerdict.ATTACK,
    Outcome.UNDECIDED: LivenessVerdict.UNDECIDED,
}


@dataclass(slots=True)
class _Watched:
    """One track: what was seen of it, since when a match waits, and what it was asked for."""

    watch: LivenessWatch = field(default_factory=LivenessWatch)
    waits_since_s: float | None = None
    asked: Challenge | None = None
    poses: list[PoseSample] = field(default_factory=list)
    reading: LivenessReading | None = None


class LivenessGate:
    """The check of all tracks. Used by one thread at a time; costs nothing while it is off."""

    def __init__(self, desk: ChallengeDesk | None = None) -> None:
        """Start with nobody.

        Args:
            desk: draws what is asked for; the machine's randomness by default.
        """
        self._desk = desk or ChallengeDesk()
        self._tracks: dict[int, _Watched] = {}
        self._level: LivenessLevel | None = None

    def keep_only(self, track_ids: Collection[int]) -> None:
        """Forget the tracks that are gone."""
        self._tracks = {n: seen for n, seen in self._tracks.items() if n in track_ids}

    def observe(
        self, track_id: int, at_s: float, frame_bgr: BGRImage, points_px: FloatArray
    ) -> None:
        """Take in a frame of a face.

        Args:
            track_id: of the face.
            at_s: when the frame was captured.
            frame_bgr: (H, W, 3) uint8. Not modified, not kept.
            points_px: (468, 3) float32 of the face in it.
        """
        seen = self._tracks.setdefault(track_id, _Watched())
        seen.watch.observe(at_s, frame_bgr, points_px)
        if seen.asked is not None:
            seen.poses.append(pose_sample(at_s, track_id, points_px))

    def asked(self, track_id: int) -> Motion | None:
        """What the track is asked for now."""
        seen = self._tracks.get(track_id)
        waits = seen is not None and seen.asked is not None and seen.reading is None
        return Motion(seen.asked.motion) if waits and seen and seen.asked else None

    def time_left(self, track_id: int, at_s: float) -> float:
        """Return the share of its time that a track has left to answer, 0..1.

        Args:
            track_id: of a face that is asked for something.
            at_s: time of the newest frame.
        """
        seen = self._tracks.get(track_id)
        if seen is None or seen.asked is None:
            return 0.0
        left_s = seen.asked.shown_at_s + self._desk.limits.deadline_s - at_s
        return min(1.0, max(0.0, left_s / self._desk.limits.deadline_s))

    def reading(
        self, track_id: int, level: LivenessLevel, at_s: float, person_id: str | None = ""
    ) -> LivenessReading | None:
        """What is known of a face that was matched; asked for with each frame until it is known.

        Args:
            track_id: of the face.
            level: that the policy asks for.
            at_s: time of the newest frame.
            person_id: of the match: nobody is asked for one motion twice in a row. None where the
                newest frame does not surely show the face that was matched: nobody is live then.

        Returns:
            None while the match must wait.
        """
        if level is not self._level:
            self._tracks, self._level = {}, level  # what another level found out says nothing
        if level is LivenessLevel.OFF:
            return UNCHECKED
        seen = self._tracks.setdefault(track_id, _Watched())
        if seen.waits_since_s is None:
            seen.waits_since_s = at_s
        if seen.reading is None:
            seen.reading = self._judge(track_id, seen, level, at_s, person_id)
        return seen.reading

    def _judge(
        self,
        track_id: int,
        seen: _Watched,
        level: LivenessLevel,
        at_s: float,
        person_id: str | None,
    ) -> LivenessReading | None:
        if level is not LivenessLevel.ACTIVE and seen.asked is None:
            found = self._passive(seen, at_s, is_sure=person_id is not None)
            is_unsure = found is not None and found.is_undecided
            if level is LivenessLevel.PASSIVE or not is_unsure:
                return found
        return self._active(track_id, seen, at_s, person_id)

    def _passive(self, seen: _Watched, at_s: float, *, is_sure: bool) -> LivenessReading | None:
        verdict = seen.watch.verdict(at_s)
        waited_s = at_s - (at_s if seen.waits_since_s is None else seen.waits_since_s)
        is_due = is_sure if verdict.outcome is Outcome.LIVE else waited_s >= PASSIVE_WAIT_S
        if not is_due:
            return None
        return LivenessReading(
            _VERDICTS[verdict.outcome], verdict.score, level=LivenessLevel.PASSIVE
        )

    def _active(
        self, track_id: int, seen: _Watched, at_s: float, person_id: str | None
    ) -> LivenessReading | None:
        if seen.asked is None:
            if person_id is not None and not self._is_anybody_asked(at_s):
                seen.asked, seen.poses = self._desk.ask(track_id, at_s, person_id), []
            return None
        if person_id is None and at_s <= self._ends_s(seen.asked):
            return None
        state = self._desk.answer(seen.asked, seen.poses, at_s).state
        if state is ChallengeState.WAITING:
            return None
        passed = state is ChallengeState.PASSED and person_id is not None
        verdict = seen.watch.verdict(at_s)
        found = LivenessVerdict.LIVE if passed else LivenessVerdict.UNDECIDED
        if verdict.outcome is Outcome.ATTACK:
            found = LivenessVerdict.ATTACK
        return LivenessReading(found, verdict.score, LivenessLevel.ACTIVE)

    def _is_anybody_asked(self, at_s: float) -> bool:
        """Whether a question is open; one whose face is not judged any more ends with its time."""
        asked = [seen.asked for seen in self._tracks.values() if seen.reading is None]
        return any(challenge and at_s <= self._ends_s(challenge) for challenge in asked)

    def _ends_s(self, challenge: Challenge) -> float:
        return challenge.shown_at_s + self._desk.limits.deadline_s
