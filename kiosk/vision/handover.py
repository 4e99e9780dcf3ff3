"""Hands decided tracks on to the next network: cut-out faces, and what the current one found."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from kiosk.domain.ports import BGRImage
from kiosk.vision.decision import judge, nearest_person
from kiosk.vision.knowledge import Tiers
from models.stages.fuse import Evidence
from models.stages.landmarks import Landmarks

SCAN_FRAMES = 3
"""So many single frames must look like the person before a template is made of a scan."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceView:
    """One good view of a face in its frame.

    Attributes:
        frame_bgr: (H, W, 3) uint8, BGR.
        landmarks: of the face, in frame pixels.
        quality: 0..1.
        sharpness: see `FaceQuality.sharpness`.
    """

    frame_bgr: BGRImage
    landmarks: Landmarks
    quality: float
    sharpness: float


@dataclass(frozen=True, slots=True, eq=False)
class NextFace:
    """One good view of a face, cut out for the next network.

    Attributes:
        model_id: of the network it is cut out for.
        face_bgr: (H, W, 3) uint8, BGR, of that network's input size. In memory only.
        quality: 0..1.
        sharpness: see `FaceQuality.sharpness`.
    """

    model_id: str
    face_bgr: BGRImage
    quality: float
    sharpness: float


@dataclass(frozen=True, slots=True)
class ScanGrounds:
    """Why a template may be made of a scan.

    Attributes:
        person_id: who was recognised.
        distance: of the match, on the common scale.
        strict_limit: the strictest limit in force; `distance` is within it.
    """

    person_id: str
    distance: float
    strict_limit: float


@dataclass(frozen=True, slots=True)
class TrackAnswer:
    """What a face was told.

    Attributes:
        person_id: who was recognised; None for nobody.
        is_live: a check showed that the face is alive.
        evidence: of the track, now.
    """

    person_id: str | None
    is_live: bool
    evidence: Evidence


@dataclass(frozen=True, slots=True, eq=False)
class DecidedTrack:
    """What the current network found out about one face, and the views that it rests on.

    Attributes:
        track_id: of the face.
        decided_by: card id of the current network.
        person_id: who was recognised; None for nobody.
        faces: the views, at most as many as a track keeps.
        is_counted: the scan counts in the comparison; false when it was handed on before.
        grounds: None where no template may be made.
    """

    track_id: int
    decided_by: str
    person_id: str | None
    faces: tuple[NextFace, ...]
    is_counted: bool
    grounds: ScanGrounds | None


class NextNetwork(Protocol):
    """What compares the next network, and never makes the recogniser wait."""

    @property
    def collects_scans(self) -> bool:
        """Whether templates are made of clear scans."""
        ...

    def cut_out(self, view: FaceView) -> NextFace | None:
        """Cut a face out for the next network; None while there is none."""
        ...

    def take(self, decided: DecidedTrack) -> None:
        """Take a decided track, or drop it when busy."""
        ...


@dataclass(slots=True)
class _Followed:
    """The views of one track, and what was handed on already."""

    faces: list[NextFace] = field(default_factory=list)
    is_counted: bool = False
    is_done: bool = False
    judged_count: int = -1

    def add(self, face: NextFace, kept: int) -> None:
        """Keep the best views, by the rule of `models.stages.fuse.Evidence`."""
        if len(self.faces) >= kept:
            worst = min(range(len(self.faces)), key=lambda n: self.faces[n].quality)
            if self.faces[worst].quality >= face.quality:
                return
            del self.faces[worst]
        self.faces.append(face)


class Handover:
    """Follows the tracks of one recogniser for the next network. Used by one thread.

    Args:
        listener: takes the tracks; None where nothing is compared.
        decided_by: card id of the current network.
    """

    def __init__(self, listener: NextNetwork | None, decided_by: str) -> None:
        self._listener = listener
        self._decided_by = decided_by
        self._tracks: dict[int, _Followed] = {}

    def keep_only(self, track_ids: Collection[int]) -> None:
        """Forget the tracks that are gone, with their views."""
        self._tracks = {n: seen for n, seen in self._tracks.items() if n in track_ids}

    def keep(self, track_id: int, view: FaceView, evidence: Evidence) -> None:
        """Keep the newest view of a track, which was just added to its evidence."""
        seen = self._tracks.setdefault(track_id, _Followed())
        if self._listener is None or seen.is_done or evidence.is_doubted:
            return
        face = self._listener.cut_out(view)
        if face is not None:
            seen.add(face, evidence.kept)

    def decided(self, track_id: int, answer: TrackAnswer, tiers: Tiers) -> None:
        """Hand a track on that has its answer; more than once while a template may still follow.

        A track is judged again only with new evidence: that takes many searches of the gallery.

        Args:
            track_id: of the face.
            answer: what the person was told.
            tiers: the gallery as it is now.
        """
        seen = self._tracks.get(track_id)
        if self._listener is None or seen is None or seen.is_done or not seen.faces:
            return
        if seen.judged_count == answer.evidence.judged_count:
            return
        seen.judged_count = answer.evidence.judged_count
        may_collect = self._listener.collects_scans and answer.is_live
        grounds = scan_grounds(answer, tiers) if may_collect else None
        is_new = not seen.is_counted and len(seen.faces) == len(answer.evidence)
        if grounds is not None or is_new:
            faces = tuple(seen.faces)
            self._listener.take(
                DecidedTrack(track_id, self._decided_by, answer.person_id, faces, is_new, grounds)
            )
        seen.is_counted = True
        seen.is_done = grounds is not None or not may_collect
        if seen.is_done:
            seen.faces.clear()


def scan_grounds(answer: TrackAnswer, tiers: Tiers) -> ScanGrounds | None:
    """Return why a template may be made of a recognised track; None where it may not.

    The match must be within the stricter limit of both tiers, at least `SCAN_FRAMES` frames must
    each look like the person, and the person must not be easily confused with another.
    """
    person_id, evidence = answer.person_id, answer.evidence
    is_confusable = any(person_id in pair for pair in tiers.rules.look_alikes)
    if person_id is None or is_confusable or len(evidence) < SCAN_FRAMES:
        return None
    match = judge(evidence, tiers)
    if match is None or match.person_id != person_id:
        return None
    limit = strict_limit(person_id, tiers)
    agreeing = evidence.agreeing_count(person_id, partial(nearest_person, tiers=tiers))
    if limit is None or match.distance > limit or agreeing < SCAN_FRAMES:
        return None
    return ScanGrounds(person_id, match.distance, limit)


def strict_limit(person_id: str, tiers: Tiers) -> float | None:
    """Return the stricter of the limits of both tiers for this person; None where one has none."""
    expected, other = (
        limits.limit(person_id) for limits in (tiers.expected_limits, tiers.others_limits)
    )
    return None if expected is None or other is None else min(expected, other)
