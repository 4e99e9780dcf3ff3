"""The same work by face_recognition 1.3, where it is installed."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import cv2
import numpy as np

from scripts.bench.turns import Contestant, NotRun

if TYPE_CHECKING:
    from models.stages.images import BGRImage

_NAME = "face_recognition 1.3"


def open_peer(templates: int) -> Contestant | NotRun:
    """Open detection (HOG), 68 landmarks, encoding and matching.

    Args:
        templates: to match with.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import face_recognition
    except ImportError:
        return NotRun(_NAME, "face_recognition is not installed")
    known = np.random.default_rng(0).normal(0, 0.1, (templates, 128))

    def look(frame: BGRImage) -> bool:
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        places = face_recognition.face_locations(rgb)
        probes = face_recognition.face_encodings(rgb, places[:1], model="large")
        for probe in probes:
            int(face_recognition.face_distance(known, probe).argmin())
        return bool(probes)

    return Contestant(_NAME, look)
