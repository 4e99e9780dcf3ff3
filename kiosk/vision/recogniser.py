"""From one frame to sightings: detect, track, judge, embed, fuse, match. One thread, no camera."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from kiosk.domain.liveness import LivenessReading, LivenessVerdict
from kiosk.domain.ports import BGRImage, Frame
from kiosk.domain.sightings import Hint, Recognition, Sighting
from kiosk.vision.decision import Match, judge
from kiosk.vision.guidance import GuidanceLimits, assess, is_surely_a_face
from kiosk.vision.handover import FaceView, Handover, NextNetwork, TrackAnswer
from kiosk.vision.knowledge import Knowledge, TierIndex, Tiers
from kiosk.vision.limits import Calibrated
from kiosk.vision.liveness import LivenessGate
from kiosk.vision.mirroring import embed_both_ways
from models.stages.detect import Detection
from models.stages.fuse import Evidence, settle_claims
from models.stages.images import FloatVector
from models.stages.landmarks import Landmarks
from models.stages.light import brighten
from models.stages.track import Tracker
from models.store import ModelCard
from protocol.v1.messages import LivenessLevel

MIRRORED_FRAMES = 3
"""Source: docs/measurements/mirrored-probes.md."""


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

    def align(self, frame_bgr: BGRImage, landmarks: Landmarks) -> BGRImage:
        """The face, cut out as the embedding network wants it."""
        ...

    def embed_aligned(self, face_bgr: BGRImage) -> FloatVector:
        """The numbers of a face that was cut out, (D,) float32."""
        ...

    def close(self) -> None:
        """Let go of what the models hold; they are not used any more."""
        ...


@dataclass(frozen=True, slots=True)
class RecognitionSettings:
    """How faces are tracked and judged.

    Attributes:
        max_fps: frames processed per second while a face is in view.
        idle_fps: the same while no face is in view.
        gone_s: time without a face in view after which the person counts as gone.
        unknown_after_frames: good frames without a match before the person counts as unknown.
        recheck_s: how often an answered face is compared again, to notice that it changed hands.
        max_faces: so many are followed at once, the largest first.
        max_embedded: faces embedded in one frame; the others wait for the next.
        mirrored_frames: of so many frames of a track the mirror image is embedded too.
        bystander_area: faces below this share of the largest one's area are not looked at: they
            stand behind and did not come to the kiosk.
        guidance: when a face is good enough.
        other_way_after_frames: frames with a covered face, without a bare one between, before the
            person is offered another way to check in.
        retry_s: how often models that cannot be opened are tried again.
    """

    max_fps: float = 15.0
    idle_fps: float = 6.0
    gone_s: float = 0.8
    unknown_after_frames: int = 12
    recheck_s: float = 0.6
    max_faces: int = 8
    max_embedded: int = 4
    mirrored_frames: int = MIRRORED_FRAMES
    bystander_area: float = 0.25
    guidance: GuidanceLimits = field(default_factory=GuidanceLimits)
    other_way_after_frames: int = 8
    retry_s: float = 10.0


@dataclass(slots=True)
class _Track:
    """One face and what is known of it; `told` is the person whose match was handed on.

    `is_refused` says that the match was refused because the face seems to be a picture, `is_live`
    that a check showed it to be alive. `covered_frames` counts the frames with a covered face since
    the last bare one.
    """

    evidence: Evidence
    match: Match | None = None
    is_unknown: bool = False
    compared_at_s: float = float("-inf")
    told: str = ""
    is_refused: bool = False
    is_live: bool = False
    covered_frames: int = 0
    is_sent_on: bool = False

    @property
    def is_answered(self) -> bool:
        return bool(self.told) or self.is_unknown


@dataclass(slots=True)
class _TrackedFace:
    """One face of one frame, on its track."""

    track_id: int
    track: _Track
    detection: Detection
    hint: Hint | None = None
    is_fresh: bool = False
    is_mistaken: bool = False


class Recogniser:
    """Looks at frames in order. Used by one thread at a time."""

    def __init__(
        self,
        models: FaceModels,
        knowledge: Knowledge,
        settings: RecognitionSettings,
        *,
        tracker: Tracker | None = None,
        next_network: NextNetwork | None = None,
    ) -> None:
        """Begin without any evidence.

        Args:
            models: of one embedding network.
            knowledge: asked for each frame.
            settings: how strictly.
            tracker: goes on with the tracks of an earlier recogniser, so that a person keeps their
                track when the network changes; None begins with the first track.
            next_network: compared behind the answers; None does without.

        Raises:
            ValueError: the models hold no embedding network.
        """
        matching = models.embedder_card.matching
        if matching is None:
            raise ValueError(f"the card {models.embedder_card.id} is not an embedder's")
        self._models = models
        self._knowledge = knowledge
        self._settings = settings
        self._matching = matching
        self._model_id = models.embedder_card.id
        card = Calibrated.of(models.embedder_card)
        self._index = TierIndex(knowledge, self._model_id, card)
        self.tracker = tracker or Tracker()
        self._handover = Handover(next_network, self._model_id)
        self._tracks: dict[int, _Track] = {}
        self._seen_at_s: float | None = None
        self._gate = LivenessGate()
        self._found: Sequence[Detection] = ()
        self._left_out = 0

    @property
    def found(self) -> Sequence[Detection]:
        """Every face that the detector found in the last frame."""
        return self._found

    @property
    def left_out(self) -> int:
        """People of the gallery who are not recognised: no limits for their group."""
        return self._left_out

    @property
    def model_id(self) -> str:
        """The network that makes the embeddings."""
        return self._model_id

    @property
    def sees_somebody(self) -> bool:
        """A face is in view, or was a moment ago."""
        return self._seen_at_s is not None

    def look(self, frame: Frame) -> list[Sighting]:
        """Take in a frame and say what is new.

        Returns:
            The answers that faces got in this frame; else how the first face without an answer
            does; nothing when nothing is new.

        Raises:
            models.errors.ModelsError: the models failed.
        """
        tiers = self._index.current()
        self._left_out = tiers.left_out
        found = self._found = self._models.detect(frame.frame_bgr)
        faces = self._faces(found, frame.captured_at_s)
        if not faces or tiers.is_empty:
            return self._nobody(frame.captured_at_s)
        self._seen_at_s = frame.captured_at_s
        self._compare(frame, faces, checks_life=tiers.rules.liveness is not LivenessLevel.OFF)
        answers = self._answers(faces, tiers, frame.captured_at_s)
        self._hand_over(faces, tiers)
        answers = answers or self._other_ways(faces, frame.captured_at_s)
        is_crowded = len(found) > self._settings.max_faces
        return answers or self._looking(faces, frame.captured_at_s, is_crowded=is_crowded)

    def _faces(self, found: Sequence[Detection], at_s: float) -> list[_TrackedFace]:
        """The faces with their tracks, largest first, without bystanders."""
        largest = sorted(found, key=lambda face: face.area_px, reverse=True)
        followed = largest[: self._settings.max_faces]
        ids = self.tracker.update([face.box_px for face in followed], at_s)
        known = self.tracker.known
        self._tracks = {number: track for number, track in self._tracks.items() if number in known}
        self._gate.keep_only(known)
        self._handover.keep_only(known)
        least = largest[0].area_px * self._settings.bystander_area if largest else 0.0
        return [
            _TrackedFace(number, self._tracks.setdefault(number, self._new_track()), face)
            for number, face in zip(ids, followed, strict=True)
            if face.area_px >= least
        ]

    def _nobody(self, at_s: float) -> list[Sighting]:
        if self._seen_at_s is None or at_s - self._seen_at_s < self._settings.gone_s:
            return []
        self._seen_at_s = None
        return [Sighting.empty(at_s)]

    def _compare(self, frame: Frame, faces: Sequence[_TrackedFace], *, checks_life: bool) -> None:
        """Embed the faces for which that can change something, at most so many at once."""
        left = self._settings.max_embedded
        for face in sorted(faces, key=_urgency):
            if left and self._is_due(face.track, frame.captured_at_s):
                self._judge_view(frame, face, checks_life=checks_life)
                left -= face.is_fresh

    def _is_due(self, track: _Track, at_s: float) -> bool:
        """Answered faces are compared now and then only."""
        return not track.is_answered or at_s - track.compared_at_s >= self._settings.recheck_s

    def _judge_view(self, frame: Frame, face: _TrackedFace, *, checks_life: bool) -> None:
        """Take a face into its track's evidence if it is good, and better than what is there."""
        evidence = face.track.evidence
        guidance = self._settings.guidance
        picture = brighten(frame.frame_bgr, face.detection, guidance.light).frame_bgr
        is_asked = self._gate.asked(face.track_id) is not None
        face.hint = None if is_asked else assess(picture, face.detection, guidance).hint
        if face.hint is not None:
            return
        points = self._models.landmarks(picture, face.detection)
        if points is None:
            self._judge_without_points(face)
            return
        judged = assess(picture, face.detection, guidance, points)
        face.hint = judged.hint
        if not judged.will_do:
            face.track.covered_frames += judged.is_covered
            return
        face.track.covered_frames = 0
        face.is_fresh = True
        is_spared = not (is_asked or checks_life) and not face.track.is_answered
        if is_spared and not evidence.improves_with(judged.quality):
            evidence.pass_over()
            return
        self._add_view(face, FaceView(picture, points, judged.quality, judged.sharpness))
        face.track.compared_at_s = frame.captured_at_s
        if checks_life and not (face.track.told or face.track.evidence.is_doubted):
            # Only what was compared shows life, in what the camera delivers: a face that is covered
            # or turned away may be another one.
            seen_bgr, at_s = frame.frame_bgr, frame.captured_at_s
            self._gate.observe(face.track_id, at_s, seen_bgr, points.points_px)

    def _judge_without_points(self, face: _TrackedFace) -> None:
        """Note a face that only the detector sees: covered, turned away, or never a face."""
        is_known = len(face.track.evidence) > 0
        face.hint, face.is_mistaken = Hint.LOOK_AT_CAMERA, not is_known
        if is_surely_a_face(face.detection):
            face.track.covered_frames += 1

    def _add_view(self, face: _TrackedFace, view: FaceView) -> None:
        """Embed a good view and add it to its track, or to a new one if the person changed."""
        embedding = self._embed(view, face.track.evidence)
        if not face.track.evidence.add(embedding, view.quality, view.sharpness):
            face.track_id = self.tracker.renumber(face.track_id)
            face.track = self._tracks[face.track_id] = self._new_track()
            face.track.evidence.add(embedding, view.quality, view.sharpness)
        self._handover.keep(face.track_id, view, face.track.evidence)

    def _embed(self, view: FaceView, evidence: Evidence) -> FloatVector:
        aligned = self._models.align(view.frame_bgr, view.landmarks)
        if len(evidence) < self._settings.mirrored_frames:
            return embed_both_ways(self._models, aligned)
        return self._models.embed_aligned(aligned)

    def _answers(self, faces: Sequence[_TrackedFace], tiers: Tiers, at_s: float) -> list[Sighting]:
        """Who was recognised, or turned out to be nobody known, in this frame."""
        if not any(self._may_have_news(face) for face in faces):
            return []
        judged = {
            face.track_id: face for face in faces if face.is_fresh or face.track.match is not None
        }
        won = settle_claims(
            {number: partial(_claim, face.track, tiers) for number, face in judged.items()}
        )
        level = tiers.rules.liveness
        news = [self._news(face, won.get(number), level, at_s) for number, face in judged.items()]
        return [sighting for sighting in news if sighting is not None]

    def _may_have_news(self, face: _TrackedFace) -> bool:
        is_asked = self._gate.asked(face.track_id) is not None
        return is_asked or (face.is_fresh and not face.track.told)

    def _news(
        self, face: _TrackedFace, match: Match | None, level: LivenessLevel, at_s: float
    ) -> Sighting | None:
        """Enter the outcome for one face; what is new about it."""
        track = face.track
        track.match = match
        if match is not None:
            track.is_unknown = False
            is_told = track.told == match.person_id
            return None if is_told else self._matched(face, match, level, at_s)
        track.told = ""
        is_late = track.evidence.judged_count >= self._settings.unknown_after_frames
        if not is_late or track.is_unknown:
            return None
        track.is_unknown = True
        return Sighting.unknown(face.track_id, at_s)

    def _matched(
        self, face: _TrackedFace, match: Match, level: LivenessLevel, at_s: float
    ) -> Sighting | None:
        """Hand a match on as soon as its face has shown that it is alive, or cannot show it.

        A sign of life counts only for the face that was matched: the newest frame must show it.
        """
        is_sure = face.is_fresh and not face.track.evidence.is_doubted
        person_id = match.person_id if is_sure else None
        liveness = self._gate.reading(face.track_id, level, at_s, person_id)
        if liveness is None:
            return None
        face.track.told = match.person_id
        is_proven = liveness.verdict is LivenessVerdict.LIVE or level is not LivenessLevel.ACTIVE
        face.track.is_refused = liveness.verdict is LivenessVerdict.ATTACK or not is_proven
        face.track.is_live = liveness.verdict is LivenessVerdict.LIVE
        if face.track.is_refused:
            return Sighting.refused(face.track_id, at_s)
        return self._recognised(face, match, liveness, at_s)

    def _recognised(
        self, face: _TrackedFace, match: Match, liveness: LivenessReading, at_s: float
    ) -> Sighting:
        recognition = Recognition(
            person_id=match.person_id,
            distance=match.distance,
            margin=match.margin,
            threshold=match.threshold,
            quality=face.track.evidence.quality,
            model_id=self._model_id,
            liveness=liveness,
        )
        return Sighting.recognised(face.track_id, at_s, recognition)

    def _hand_over(self, faces: Sequence[_TrackedFace], tiers: Tiers) -> None:
        """Hand the faces that have their answer to the next network; their answer stands."""
        for face in faces:
            track = face.track
            if not track.is_answered or track.is_refused:
                continue
            answer = TrackAnswer(track.told or None, track.is_live, track.evidence)
            self._handover.decided(face.track_id, answer, tiers)

    def _other_ways(self, faces: Sequence[_TrackedFace], at_s: float) -> list[Sighting]:
        """Offer the people whose faces stay covered another way to check in, once a track."""
        enough = self._settings.other_way_after_frames
        new = [face for face in faces if face.track.covered_frames >= enough]
        new = [face for face in new if not (face.track.is_answered or face.track.is_sent_on)]
        for face in new:
            face.track.is_sent_on = True
        return [Sighting.other_way(face.track_id, at_s) for face in new]

    def _looking(
        self, faces: Sequence[_TrackedFace], at_s: float, *, is_crowded: bool
    ) -> list[Sighting]:
        """How the largest face without an answer does."""
        waiting = [face for face in faces if not face.track.is_answered and not face.is_mistaken]
        if not waiting:
            return []
        lead = waiting[0]
        for face in waiting:
            motion = self._gate.asked(face.track_id)
            if motion is not None:
                left = self._gate.time_left(face.track_id, at_s)
                return [Sighting.proving(face.track_id, at_s, motion, left=left)]
        wanted = max(2, self._knowledge.roster.match_rules().min_frames)
        progress = min(1.0, len(lead.track.evidence) / wanted)
        hint = lead.hint or (Hint.ONE_AT_A_TIME if is_crowded else None)
        return [Sighting.looking(lead.track_id, at_s, progress=progress, hint=hint)]

    def _new_track(self) -> _Track:
        return _Track(Evidence(self._matching))


def _urgency(face: _TrackedFace) -> tuple[bool, int]:
    """Who has no answer comes first, and of those who was seen least."""
    return face.track.is_answered, len(face.track.evidence)


def _claim(track: _Track, tiers: Tiers, without: frozenset[str]) -> Match | None:
    """Return the match of a track: the earlier one if still possible, else a new one."""
    if track.match is not None and track.match.person_id not in without:
        return track.match
    return judge(track.evidence, tiers, without)
