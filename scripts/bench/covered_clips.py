"""Runs the kiosk's recogniser over clips of bare faces and counts the offers of another way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from kiosk.domain.matching import MatchRules
from kiosk.domain.ports import Frame, GallerySnapshot
from kiosk.domain.sightings import SightingKind
from kiosk.vision.knowledge import Knowledge
from kiosk.vision.recogniser import Recogniser, RecognitionSettings
from models.stages.covered import covered

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from models.pipeline import FacePipeline

_DIMENSION = 128


class OnePerson:
    """A gallery of one person whom no face resembles: a kiosk that knows nobody looks at nobody."""

    def version(self) -> int:
        """See `GalleryView`."""
        return 1

    def snapshot(self, model_id: str) -> GallerySnapshot:
        """See `GalleryView`."""
        return GallerySnapshot(1, model_id, ("nobody",), np.eye(1, _DIMENSION, dtype=np.float32))

    def expected_now(self) -> frozenset[str]:
        """See `RosterView`."""
        return frozenset({"nobody"})

    def match_rules(self) -> MatchRules:
        """See `RosterView`."""
        return MatchRules()


def print_clips(models: FacePipeline, clips: Path) -> None:
    """Print how often the kiosk offers another way to the bare faces of clips."""
    gallery = OnePerson()
    print("| clip | frames | frames with a covered face | offers |\n|---|---|---|---|")
    for path in sorted([*clips.glob("*.mkv"), *clips.glob("*.gif")]):
        recogniser = Recogniser(models, Knowledge(gallery, gallery), RecognitionSettings())
        offers, covers, frames = 0, 0, 0
        for frame in frames_of(path):
            kinds = [one.kind for one in recogniser.look(frame)]
            offers += kinds.count(SightingKind.OTHER_WAY)
            covers += is_covered_in(models, frame)
            frames += 1
        print(f"| {path.name} | {frames} | {covers} | {offers} |", flush=True)


def is_covered_in(models: FacePipeline, frame: Frame) -> bool:
    """Whether the largest face of a frame is called covered."""
    faces = models.detect(frame.frame_bgr)
    points = models.landmarks(frame.frame_bgr, faces[0]) if faces else None
    return points is not None and covered(frame.frame_bgr, points) > 0.5


def frames_of(clip: Path) -> Iterator[Frame]:
    """Every second frame, at the 15 a second that a kiosk takes."""
    video = cv2.VideoCapture(str(clip))
    for number, (is_read, picture) in enumerate(iter(video.read, (False, None))):
        if is_read and number % 2 == 0:
            yield Frame(np.asarray(picture, np.uint8), number / 30, number)
