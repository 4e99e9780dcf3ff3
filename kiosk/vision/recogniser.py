"""From one frame to sightings: detect, track, judge, embed, fuse, match. One thread, no camera."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from kiosk.domain.ports import BGRImage, Frame
from kiosk.domain.sightings import Hint, Recognition, Sighting, SightingKind
from kiosk.vision.decision import Match, decide
from kiosk.vision.evidence import Evidence, FloatVector
from kiosk.vision.guidance import GuidanceLimits, assess
from kiosk.vision.knowledge import Knowledge, TierIndex, Tiers
from kiosk.vision.tracking import Tracker
from models.stages.detect import Detection
from models.stages.landmarks import Landmarks
from models.store import ModelCard

_AGREEING_SHARE = 0.75
"""Of the kept frames of a track, so many must each look most like the person it is taken for."""


class FaceModels(Protocol):
    """The part of ``models.pipeline.FacePipeline`` that is used here."""

    @property
    def embedder_card(self) -> ModelCard:
        """Of the network that makes the embeddings."""
        ...

    def detect(self, frame_bgr: BGRImage) -> list[Detection]:
        """Every face of a frame."""
        ...

    def landmarks(self, frame_bgr: BGRImage, detection: Detection) -> Landmarks | None:
        """The points of a face; None where there is none."""
        ...

    def embed(self, frame_bgr: BGRImage, landmarks: Landmarks) -> FloatVector:
        """The numbers of a face, (D,) float32."""
        ...


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    """How faces are followed and judged.

    Attributes:
        max_fps: frames looked at per second while somebody is there.
        idle_fps: while nobody is.
        gone_s: nobody in view for so long counts as gone.
        unknown_after_frames: embedded frames without a match before that is said.
        recheck_s: how often an answered face is compared again, to notice that it changed hands.
        comparable_area: a second face of at least this share of the largest asks for one at a time.
        guidance: when a face is good enough.
        retry_s: how often models that cannot be opened are tried again.
    """

    max_fps: float = 15.0
    idle_fps: float = 6.0
    gone_s: float = 0.8
    unknown_after_frames: int = 12
    recheck_s: float = 0.6
    comparable_area: float = 0.45
    guidance: GuidanceLimits = field(default_factory=GuidanceLimits)
    retry_s: float = 10.0


@dataclass(slots=True)
class _Track:
    """One face in view and what is known of it."""

    evidence: Evidence
    is_recognised: bool = False
    is_unknown: bool = False
    compared_at_s: float = float("-inf")

    @property
    def is_answered(self) -> bool:
        return self.is_recognised or self.is_unknown


@dataclass(frozen=True, slots=True)
class _Face:
    track_id: int
    detection: Detection


class Recogniser:
    """Looks at frames in order. Used by one thread at a time."""

    def __init__(
        self, models: FaceModels, knowledge: Knowledge, settings: RecognitionSettings
    ) -> None:
        matching = models.embedder_card.matching
        if matching is None:
            raise ValueError(f"the card {models.embedder_card.id} is not an embedder's")
        self._models = models
        self._knowledge = knowledge
        self._settings = settings
        self._matching = matching
        self._model_id = models.embedder_card.id
        self._index = TierIndex(
            knowledge, self._model_id, matching.metric, matching.on_common_scale
        )
        self._tracker = Tracker()
        self._tracks: dict[int, _Track] = {}
        self._seen_at_s: float | None = None

    @property
    def sees_somebody(self) -> bool:
        """A face is in view, or was a moment ago."""
        return self._seen_at_s is not None

    def look(self, frame: Frame) -> list[Sighting]:
        """Take in a frame and say what is new; usually one sighting, none if nothing is.

        Raises:
            models.errors.ModelsError: the models failed.
        """
        tiers = self._index.current()
        faces = self._faces(frame)
        if not faces or tiers.is_empty:
            return self._nobody(frame.captured_at_s)
        self._seen_at_s = frame.captured_at_s
        lead = self._lead(faces)
        is_crowded = self._is_crowded(faces, lead)
        return self._look_at(frame, lead, tiers, is_crowded=is_crowded)

    def _faces(self, frame: Frame) -> list[_Face]:
        """The faces of the frame with their tracks, largest first."""
        found = sorted(
            self._models.detect(frame.frame_bgr), key=lambda face: face.area_px, reverse=True
        )
        ids = self._tracker.update([face.box_px for face in found], frame.captured_at_s)
        known = self._tracker.known
        self._tracks = {number: track for number, track in self._tracks.items() if number in known}
        return [_Face(number, face) for number, face in zip(ids, found, strict=True)]

    def _nobody(self, at_s: float) -> list[Sighting]:
        if self._seen_at_s is None or at_s - self._seen_at_s < self._settings.gone_s:
            return []
        self._seen_at_s = None
        return [Sighting(SightingKind.EMPTY, -1, at_s)]

    def _lead(self, faces: Sequence[_Face]) -> _Face:
        """The largest face, unless it has its answer and another of similar size waits for one."""
        waiting = [face for face in self._comparable(faces) if not self._is_answered(face)]
        return waiting[0] if waiting else faces[0]

    def _is_crowded(self, faces: Sequence[_Face], lead: _Face) -> bool:
        waiting = [face for face in self._comparable(faces) if not self._is_answered(face)]
        return not self._is_answered(lead) and len(waiting) > 1

    def _comparable(self, faces: Sequence[_Face]) -> list[_Face]:
        least = faces[0].detection.area_px * self._settings.comparable_area
        return [face for face in faces if face.detection.area_px >= least]

    def _is_answered(self, face: _Face) -> bool:
        track = self._tracks.get(face.track_id)
        return track is not None and track.is_answered

    def _look_at(
        self, frame: Frame, face: _Face, tiers: Tiers, *, is_crowded: bool
    ) -> list[Sighting]:
        track = self._tracks.setdefault(face.track_id, self._new_track())
        at_s = frame.captured_at_s
        if track.is_answered and at_s - track.compared_at_s < self._settings.recheck_s:
            return []
        judged = assess(frame.frame_bgr, face.detection, self._settings.guidance)
        if judged.hint is not None:
            return self._looking(track, face.track_id, at_s, judged.hint)
        points = self._models.landmarks(frame.frame_bgr, face.detection)
        if points is None:
            return self._no_points(track, face.track_id, at_s)
        track.compared_at_s = at_s
        embedding = self._models.embed(frame.frame_bgr, points)
        if not track.evidence.add(embedding, judged.quality):
            face = _Face(self._tracker.renumber(face.track_id), face.detection)
            track = self._tracks[face.track_id] = self._new_track()
            track.evidence.add(embedding, judged.quality)
        hint = Hint.ONE_AT_A_TIME if is_crowded else None
        return self._conclude(track, face.track_id, at_s, tiers, hint)

    def _no_points(self, track: _Track, track_id: int, at_s: float) -> list[Sighting]:
        """A face that was seen before has turned away; otherwise it never was one."""
        if not track.evidence.embeddings:
            return []
        return self._looking(track, track_id, at_s, Hint.LOOK_AT_CAMERA)

    def _conclude(
        self, track: _Track, track_id: int, at_s: float, tiers: Tiers, hint: Hint | None
    ) -> list[Sighting]:
        """Say who it is, that it is nobody known, or how far the evidence goes."""
        if track.is_recognised:
            return []
        found = self._match(track.evidence, tiers)
        if found is not None:
            track.is_recognised = True
            recognition = self._recognition(found, track.evidence.quality)
            return [Sighting(SightingKind.RECOGNISED, track_id, at_s, 1.0, None, recognition)]
        is_late = track.evidence.seen_count >= self._settings.unknown_after_frames
        if is_late and not track.is_unknown:
            track.is_unknown = True
            return [Sighting(SightingKind.UNKNOWN, track_id, at_s)]
        return self._looking(track, track_id, at_s, hint)

    def _match(self, evidence: Evidence, tiers: Tiers) -> Match | None:
        """The person that the fused frames and enough single frames agree on."""
        limits = self._knowledge.roster.limits()
        if len(evidence.embeddings) < limits.min_frames:
            return None
        found = decide(evidence.fused(), tiers, limits)
        if found is None:
            return None
        agreeing = sum(
            found.person_id == _nearest(embedding, tiers) for embedding in evidence.embeddings
        )
        wanted = max(limits.min_frames, _AGREEING_SHARE * len(evidence.embeddings))
        return found if agreeing >= wanted else None

    def _looking(
        self, track: _Track, track_id: int, at_s: float, hint: Hint | None
    ) -> list[Sighting]:
        if track.is_answered:
            return []
        wanted = self._knowledge.roster.limits().min_frames
        progress = min(1.0, len(track.evidence.embeddings) / wanted)
        return [Sighting(SightingKind.LOOKING, track_id, at_s, progress, hint)]

    def _recognition(self, found: Match, quality: float) -> Recognition:
        return Recognition(
            person_id=found.person_id,
            distance=found.distance,
            margin=found.margin,
            threshold=found.threshold,
            quality=quality,
            model_id=self._model_id,
        )

    def _new_track(self) -> _Track:
        matching = self._matching
        return _Track(Evidence(matching.metric, matching.confident, matching.on_common_scale))


def _nearest(embedding: FloatVector, tiers: Tiers) -> str | None:
    expected, others = tiers.expected.search(embedding), tiers.others.search(embedding)
    return others.person_id if others.distance < expected.distance else expected.person_id
