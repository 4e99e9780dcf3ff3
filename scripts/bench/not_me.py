"""How often a look-alike passes again after "Not me", and how often the right student is refused.

    python -m scripts.bench.not_me FOLDER [--model dlib-resnet-v1]

FOLDER holds one folder of photos per person. One photo of each person is enrolled. A stranger whose
photo lies within the limit taps "Not me"; then another photo of the same stranger is scanned, and
another photo of the enrolled person. Both are believed only where they are closer than the denied
scan by the margin.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kiosk.domain.marks import DENIED_MARGIN
from models.evaluate.dataset import DataSet
from models.evaluate.faces import FaceReader
from models.store import default_store

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]
_LIMITS = (0.45, 0.50)
_MARGINS = (0.0, 0.02, DENIED_MARGIN, 0.06, 0.08, 0.10)


def vectors(folder: Path, model: str) -> tuple[FloatArray, IntArray]:
    """Return all probes (N, D) float32 and the number of the person of each (N,) int64."""
    cache = Path.home() / ".cache" / "rollcall" / "evaluate"
    embedded = FaceReader(default_store(), model, cache).read(DataSet.read(folder), lambda: None)
    rows, owners = [], []
    for number, own in enumerate(embedded.faces.values()):
        for face in own:
            if face is not None:
                mean = face.embedding + face.mirrored
                rows.append(mean / np.linalg.norm(mean) * embedded.length)
                owners.append(number)
    return np.stack(rows), np.array(owners)


def denied(
    probes: FloatArray, owners: IntArray, limit: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return for every denied scan its distance, that of the stranger's next, and the student's."""
    first = np.unique(owners, return_index=True)[1]
    gallery = probes[first]
    denied_at, again, right = [], [], []
    distances = np.linalg.norm(probes[:, None, :] - gallery[None, :, :], axis=2)
    for probe, enrolled in zip(*np.where(distances <= limit), strict=True):
        if owners[probe] == owners[first[enrolled]]:
            continue
        others = np.flatnonzero(owners == owners[probe])
        own = np.flatnonzero(owners == owners[first[enrolled]])
        for other in others[others != probe]:
            for mine in own[own != first[enrolled]]:
                denied_at.append(distances[probe, enrolled])
                again.append(distances[other, enrolled])
                right.append(distances[mine, enrolled])
    return np.array(denied_at), np.array(again), np.array(right)


def main() -> int:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--model", default="dlib-resnet-v1")
    options = parser.parse_args()
    probes, owners = vectors(options.folder, options.model)
    write = sys.stdout.write
    write("| limit | denied scans | margin | stranger passes again | student is refused |\n")
    write("|---|---|---|---|---|\n")
    for limit in _LIMITS:
        at, again, right = denied(probes, owners, limit)
        for margin in _MARGINS:
            if len(at):
                passes = np.mean((again <= limit) & (again <= at - margin))
                refused = np.mean((right <= limit) & (right > at - margin))
                write(f"| {limit} | {len(at)} | {margin:.2f} | {passes:.1%} | {refused:.1%} |\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
