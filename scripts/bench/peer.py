"""The same work by face_recognition 1.3, where it is installed."""

from __future__ import annotations

import statistics
import warnings
from time import thread_time
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.images import BGRImage


def time_frames(frames: Sequence[BGRImage], templates: int) -> float | None:
    """Time detection (HOG), 68 landmarks, encoding and matching.

    Returns:
        Median CPU milliseconds of the frames in which it found a face; None where it is not
        installed or found none.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import face_recognition
    except ImportError:
        return None
    known = np.random.default_rng(0).normal(0, 0.1, (templates, 128))
    times = []
    for frame in frames:
        started = thread_time()
        rgb = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
        places = face_recognition.face_locations(rgb)
        probes = face_recognition.face_encodings(rgb, places[:1], model="large")
        for probe in probes:
            int(face_recognition.face_distance(known, probe).argmin())
        if probes:
            times.append((thread_time() - started) * 1000)
    return statistics.median(times) if times else None
