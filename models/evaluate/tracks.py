"""Scans as a kiosk sees them: frames of one track, alike, against templates of another clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from models.evaluate.dataset import DataSetError
from models.evaluate.identification import NEVER
from models.evaluate.intervals import Interval, bound_by_count, interval_of, resampled
from models.evaluate.rules import distances
from models.stages.limits import explained_limit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from models.evaluate.faces import EmbeddedSet, Face, FaceReader
    from models.evaluate.rules import Rule
    from models.stages.images import FloatArray
    from models.store import Calibration

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """One clip of one person.

    Attributes:
        person: who it shows.
        faces: of every n-th frame in which a face was found, in order.
    """

    person: str
    faces: tuple[Face, ...]


@dataclass(frozen=True)
class TrackDesign:
    """What is scanned against what.

    Attributes:
        enrolled: frames of a clip that make a template, spread over it.
        fused: frames in a row that make a probe.
        gallery_size: people enrolled; from the background set beside those of the clips.
        fpir: of the calibrated limit.
        draws: times that the background people are drawn.
        seed: of the drawing.
    """

    enrolled: int
    fused: int
    gallery_size: int = 30
    fpir: float = 0.01
    draws: int = 50
    seed: int = 0


@dataclass(frozen=True)
class TrackResult:
    """What the scans gave.

    Every clip counts alike; the intervals are over clips, and know nothing of how few people are
    in them.

    Attributes:
        people: in the clips.
        clips: of them.
        missed: share of the scans of enrolled people that did not give the person.
        alarms: share of the scans of people not enrolled that matched a person.
        distant_alarms: the same when only people of the background set are enrolled, who were
            seen by other cameras.
        limit: distance, from the calibration.
    """

    people: int
    clips: int
    missed: Interval
    alarms: Interval
    distant_alarms: Interval
    limit: float


def read_people(path: Path) -> dict[str, str]:
    """Read which person a clip shows: lines of `clip<TAB>person`, the clip without its ending.

    Raises:
        DataSetError: a line is not of that form.
    """
    people = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        clip, tab, person = line.partition("\t")
        if not (clip and tab and person):
            raise DataSetError(f"{path.name}, line {number}: not a clip and its person")
        people[clip] = person
    return people


def read_tracks(
    folder: Path,
    people: Mapping[str, str],
    reader: FaceReader,
    *,
    every: int = 3,
    advance: Callable[[], None] = lambda: None,
) -> list[Track]:
    """Embed clips.

    Args:
        folder: holds `<clip>.mkv`.
        people: by clip, see `read_people`.
        reader: embeds frames.
        every: takes one of so many frames, > 0.
        advance: called after each clip.

    Raises:
        DataSetError: a clip is missing or has no face, or there are fewer than two people.
    """
    tracks = []
    for clip, person in people.items():
        capture = cv2.VideoCapture(str(folder / f"{clip}.mkv"))
        faces = []
        number = 0
        while True:
            is_read, frame = capture.read()
            if not is_read:
                break
            face = reader.face_in(np.asarray(frame, np.uint8)) if number % every == 0 else None
            faces += [face] if face else []
            number += 1
        capture.release()
        if not faces:
            raise DataSetError(f"the clip {clip}.mkv is missing or shows no face")
        tracks.append(Track(person, tuple(faces)))
        advance()
    if len({track.person for track in tracks}) < 2:
        raise DataSetError("the clips must show at least two people")
    return tracks


def scan_tracks(
    tracks: Sequence[Track],
    background: EmbeddedSet,
    rule: Rule,
    design: TrackDesign,
    calibration: Calibration,
) -> TrackResult:
    """Scan every clip against templates of other clips, among people of the background set.

    Args:
        tracks: the clips.
        background: other people, under the same network.
        rule: makes templates and probes.
        design: see there.
        calibration: of the network's card, for the limit.

    Raises:
        DataSetError: the background set has too few people with enough pictures.
    """
    limit = explained_limit(calibration, design.fpir, design.gallery_size).distance
    scans = _Scans(tracks, background, rule, design)
    missed = np.stack([scans.own(limit) for _ in range(design.draws)])
    alarms = np.stack([scans.strange(limit) for _ in range(design.draws)])
    distant = np.stack([scans.distant(limit) for _ in range(design.draws)])
    people = len({track.person for track in tracks})
    return TrackResult(
        people,
        len(tracks),
        missed=_over_clips(missed),
        alarms=_over_clips(alarms),
        distant_alarms=_over_clips(distant),
        limit=limit,
    )


def _over_clips(shares: Floats) -> Interval:
    """Of (draws, clips), nan where a clip was enrolled itself."""
    clips = np.nanmean(shares[:, ~np.isnan(shares).all(axis=0)], axis=0)
    estimate = float(clips.mean())
    low, high = interval_of(resampled(len(clips), 1000, 0) @ clips / len(clips))
    bound = 0.0 if estimate > 0 else bound_by_count(len(clips))
    return Interval(estimate, float(low), max(float(high), bound))


class _Scans:
    def __init__(
        self, tracks: Sequence[Track], background: EmbeddedSet, rule: Rule, design: TrackDesign
    ) -> None:
        self._tracks, self._rule, self._design = tracks, rule, design
        self._metric = background.metric
        stretches = rule.is_normalised and background.metric == "euclidean"
        self._length = np.float32(background.length if stretches else 1.0)
        self._random = np.random.default_rng(design.seed)
        self._people = sorted({track.person for track in tracks})
        found = [[face for face in own if face] for own in background.faces.values()]
        self._others = [
            rule.templates(own[: design.enrolled]) for own in found if len(own) >= design.enrolled
        ]
        if len(self._others) < design.gallery_size:
            raise DataSetError(f"a gallery of {design.gallery_size} needs a larger background set")
        self._templates = [self._template(track) for track in tracks]
        self._probes = [self._windows(track) for track in tracks]

    def own(self, limit: float) -> Floats:
        """Shares of a clip's scans that miss the enrolled person, nan for the enrolled clips."""
        chosen = {person: self._clip_of(person) for person in self._people}
        others = self._background(self._design.gallery_size - len(chosen))
        shares = np.full(len(self._tracks), np.nan)
        for number, track in enumerate(self._tracks):
            if number != chosen[track.person]:
                mine = self._apart([self._templates[chosen[track.person]]], number)
                theirs = self._apart([*self._without(track.person, chosen), *others], number)
                shares[number] = ((mine >= limit) | (theirs <= mine)).mean()
        return shares

    def strange(self, limit: float) -> Floats:
        """Return per clip the share of scans that match although the person is not enrolled."""
        chosen = {person: self._clip_of(person) for person in self._people}
        others = self._background(self._design.gallery_size - len(chosen) + 1)
        return np.array(
            [
                (
                    self._apart([*self._without(track.person, chosen), *others], number) < limit
                ).mean()
                for number, track in enumerate(self._tracks)
            ]
        )

    def distant(self, limit: float) -> Floats:
        """Return per clip the share of scans that match with only background people enrolled."""
        others = self._background(self._design.gallery_size)
        numbers = range(len(self._tracks))
        return np.array([(self._apart(others, number) < limit).mean() for number in numbers])

    def _without(self, person: str, chosen: Mapping[str, int]) -> list[FloatArray]:
        return [self._templates[number] for name, number in chosen.items() if name != person]

    def _clip_of(self, person: str) -> int:
        own = [n for n, track in enumerate(self._tracks) if track.person == person]
        return int(self._random.choice(own))

    def _background(self, count: int) -> list[FloatArray]:
        chosen = self._random.choice(len(self._others), max(count, 0), replace=False)
        return [self._others[index] for index in chosen]

    def _template(self, track: Track) -> FloatArray:
        places = np.linspace(0, len(track.faces) - 1, self._design.enrolled).round().astype(int)
        return self._rule.templates([track.faces[place] for place in places])

    def _windows(self, track: Track) -> FloatArray:
        size = min(self._design.fused, len(track.faces))
        starts = range(len(track.faces) - size + 1)
        return np.stack([self._rule.probe(track.faces[n : n + size]) for n in starts])

    def _apart(self, templates: Sequence[FloatArray], number: int) -> FloatArray:
        if not templates:
            return np.full(len(self._probes[number]), NEVER)
        apart = distances(np.concatenate(templates), self._probes[number], self._metric)
        return np.asarray(apart.min(axis=1) * self._length, np.float32)
