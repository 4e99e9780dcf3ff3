"""People on clips in front of the kiosk's recogniser: when they are known, and who is mistaken.

    python -m scripts.bench.strangers CLIPS PEOPLE [--model REF] [--photos 1 3] [--group adult]

CLIPS holds `<clip>.mkv`, PEOPLE has lines of clip, tab, person. In each run, one clip's person is
not enrolled and everybody else is, from one clip each; three of them are due. The stranger then
shows all their clips, and the others one clip of theirs that they were not enrolled from. Detector,
landmarks, network, tracks, limits and margins are the kiosk's own; camera, liveness and server are
left out.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import Frame, GallerySnapshot
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from models.evaluate.tracks import read_people
from models.pipeline import FacePipeline, PipelineSettings
from models.stages.templates import fuse_enrolment
from models.store import default_store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.stages.images import BGRImage, FloatArray

_DUE = 3
_EVERY = 2  # frames of a clip: 30 a second, of which a kiosk looks at 15
_FPS = 15.0


@dataclass
class _School:
    """Everybody who is enrolled in one run; implements the kiosk's gallery and roster."""

    templates: Mapping[str, FloatArray]
    due: frozenset[str]
    rules: MatchRules

    def version(self) -> int:
        return 1

    def snapshot(self, model_id: str) -> GallerySnapshot:
        ids = tuple(name for name, rows in self.templates.items() for _ in rows)
        return GallerySnapshot(1, model_id, ids, np.concatenate([*self.templates.values()]))

    def expected_now(self) -> frozenset[str]:
        return self.due

    def match_rules(self) -> MatchRules:
        return self.rules


@dataclass
class Outcome:
    """What the runs gave.

    Attributes:
        frames: of each known person, looked at until they were recognised.
        missed: known people who were not recognised by the end of the clip.
        confused: known people who were taken for another person.
        strangers: clips of people not enrolled.
        marked: of these, clips in which a person was recognised.
    """

    frames: list[int] = field(default_factory=list)
    missed: int = 0
    confused: int = 0
    strangers: int = 0
    marked: int = 0

    def row(self, name: str) -> str:
        """One row of the table."""
        shown = len(self.frames) + self.missed + self.confused
        within = sum(count <= 10 for count in self.frames)
        middle, most = (int(np.median(self.frames)), max(self.frames)) if self.frames else (0, 0)
        return (
            f"| {name} | {within} of {shown} | {middle}, {most} | {self.missed} | {self.confused} "
            f"| {self.marked} of {self.strangers} |\n"
        )


class Bench:
    """Clips, their people and the models."""

    def __init__(self, folder: Path, people: Mapping[str, str], model: str) -> None:
        """Read the clips and open the models."""
        self._pipeline = FacePipeline.open(default_store(), PipelineSettings(embedder=model))
        self.people = people
        self._clips = {clip: _frames(folder / f"{clip}.mkv") for clip in people}

    def runs(self, photos: int, group: str) -> Outcome:
        """One run for each clip.

        Args:
            photos: enrolled of each person, spread over a clip.
            group: of everybody: adult, teen or child.
        """
        random, outcome = np.random.default_rng(0), Outcome()
        for stranger in sorted(set(self.people.values())):
            for _ in self._clips_of(stranger):
                self._run(stranger, photos, group, random, outcome)
        return outcome

    def _run(
        self,
        stranger: str,
        photos: int,
        group: str,
        random: np.random.Generator,
        outcome: Outcome,
    ) -> None:
        known = sorted(set(self.people.values()) - {stranger})
        drawn = {person: random.permutation(self._clips_of(person)) for person in known}
        due = frozenset(random.permutation(known)[:_DUE].tolist())
        members = {name: frozenset(known if name == group else ()) for name in ("adult", "teen")}
        rules = MatchRules(adults=members["adult"], teens=members["teen"])
        school = _School(
            {person: self._enrolled(str(own[0]), photos) for person, own in drawn.items()},
            due,
            rules,
        )
        for clip in self._clips_of(stranger):
            outcome.strangers += 1
            outcome.marked += self._shown(school, clip)[0] is not None
        for person, own in drawn.items():
            found, frames = self._shown(school, str(own[1]))
            if found == person:
                outcome.frames.append(frames)
            outcome.missed += found is None
            outcome.confused += found not in (None, person)

    def _clips_of(self, person: str) -> list[str]:
        return [clip for clip, shown in self.people.items() if shown == person]

    def _shown(self, school: _School, clip: str) -> tuple[str | None, int]:
        """Who was recognised first, and after how many frames."""
        recogniser = Recogniser(self._pipeline, Knowledge(school, school), RecognitionSettings())
        for index, picture in enumerate(self._clips[clip][::_EVERY]):
            for sighting in recogniser.look(Frame(picture, index / _FPS, index)):
                if sighting.recognition is not None:
                    return sighting.recognition.person_id, index + 1
        return None, 0

    def _enrolled(self, clip: str, photos: int) -> FloatArray:
        """One template a photo, of the picture and its mirror image, as the ML service makes it."""
        frames = self._clips[clip]
        places = np.linspace(0, len(frames) - 1, photos + 2).round().astype(int)[1:-1]
        return np.stack([self._template(frames[place]) for place in places])

    def _template(self, frame: BGRImage) -> FloatArray:
        matching = self._pipeline.embedder_card.matching
        length = 1.0 if matching is None else matching.length
        points = self._pipeline.landmarks(frame, self._pipeline.detect(frame)[0])
        if points is None:
            raise ValueError("the frame shows no face to enrol")
        aligned = self._pipeline.align(frame, points)
        both = (aligned, np.ascontiguousarray(aligned[:, ::-1]))
        plain, mirrored = (self._pipeline.embed_aligned(one)[None] for one in both)
        return fuse_enrolment(plain, mirrored=mirrored, length=length).template


def _frames(path: Path) -> list[BGRImage]:
    video = cv2.VideoCapture(str(path))
    frames = [
        frame.astype(np.uint8) for is_read, frame in iter(video.read, (False, None)) if is_read
    ]
    if not frames:
        raise FileNotFoundError(f"no frames in {path.name}")
    return frames


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clips", type=Path)
    parser.add_argument("people", type=Path)
    parser.add_argument("--model", default="sface-2021dec")
    parser.add_argument("--photos", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--group", choices=("adult", "teen", "child"), default="adult")
    options = parser.parse_args(arguments)
    bench = Bench(options.clips, read_people(options.people), options.model)
    sys.stdout.write(
        "| model, photos | known within 10 frames | frames: median, most | missed | taken for"
        " another | strangers marked |\n|" + " --- |" * 6 + "\n"
    )
    for photos in options.photos:
        outcome = bench.runs(photos, options.group)
        sys.stdout.write(outcome.row(f"{options.model}, {photos}, {options.group}"))
        sys.stdout.flush()


if __name__ == "__main__":
    main()
