"""Made-up people whose error rates are known by arithmetic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.evaluate.faces import EmbeddedSet, Face
from models.evaluate.identification import Trials

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.stages.images import FloatArray


def face(embedding: FloatArray) -> Face:
    values = np.asarray(embedding, np.float32)
    return Face(values, values, 100.0, 100.0, 128.0, 1.0)


def made_up(
    counts: Sequence[int], *, spread: float = 0.0, dimension: int = 64, seed: int = 0
) -> EmbeddedSet:
    """People at random directions, their pictures around them."""
    random = np.random.default_rng(seed)
    faces = {}
    for number, count in enumerate(counts):
        middle = random.normal(size=dimension)
        middle /= np.linalg.norm(middle)
        noise = spread * random.normal(size=(count, dimension)) / np.sqrt(dimension)
        faces[f"person-{number:04}"] = tuple(face(middle + row) for row in noise)
    return EmbeddedSet("made-up", "float32", "euclidean", 1.0, faces)


def trials(genuine: FloatArray, strangers: FloatArray, *, eligible: int | None = None) -> Trials:
    """One scan of each enrolled person, then one of each stranger, nearest to the first person."""
    count = len(genuine)
    return Trials(
        people=count + len(strangers),
        eligible=count if eligible is None else eligible,
        genuine_person=np.arange(count),
        genuine_distance=np.asarray(genuine, np.float32),
        is_nearest=np.ones(count, np.bool_),
        stranger_person=np.arange(count, count + len(strangers)),
        stranger_distance=np.asarray(strangers, np.float32),
        nearest_person=np.arange(len(strangers)) % count,
    )
