"""Measures the range of each map of dlib's network over faces, for the full-int8 file.

Run with the build group: python -m scripts.calibrate_dlib FOLDER [--half tune]; FOLDER holds one
folder of photos per person. Writes models/build/dlib-ranges.json: two numbers for each of 46 maps,
nothing of any photo. `python -m models.build.port_dlib` builds the file from them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import tensorflow as tf

from models.build.dlib_resnet import Tensor, build_graph
from models.build.port_dlib import RANGES, installed_dat, load_network
from models.evaluate.dataset import DataSet
from models.pipeline import FacePipeline, PipelineSettings
from models.stages.images import Normaliser
from models.stages.parity import parity_pictures
from models.store import default_store
from scripts.bench.verification import find_face

if TYPE_CHECKING:
    from collections.abc import Iterator

    from models.stages.images import BGRImage, FloatArray

_BATCH = 16
# The ranges are rounded outwards: neither a thread's order of summing nor a runtime's changes them.
_DIGITS = 3


def chips(pipeline: FacePipeline, photos: list[Path]) -> Iterator[BGRImage]:
    """Cut out the face nearest to each photo's centre, then give the drawn pictures."""
    for path in photos:
        found = find_face(pipeline, path)
        if found is not None:
            yield pipeline.align(*found)
    spec = pipeline.embedder_card.input
    yield from parity_pictures(spec.width_px, spec.height_px).values()


def measure(inputs: list[FloatArray]) -> list[tuple[float, float]]:
    """Run the float network and note the least and the largest value of each map."""
    network = load_network(installed_dat())

    def extremes(values: Tensor) -> Tensor:
        seen: list[Tensor] = []

        def observe(tensor: Tensor, _: int) -> Tensor:
            seen.append(tf.stack([tf.reduce_min(tensor), tf.reduce_max(tensor)]))
            return tensor

        build_graph(network, observe)(values)
        return tf.stack(seen)

    compiled = tf.function(extremes, reduce_retracing=True)
    rows = [
        compiled(np.concatenate(inputs[start : start + _BATCH])).numpy()
        for start in range(0, len(inputs), _BATCH)
    ]
    least, largest = np.min(rows, axis=0)[:, 0], np.max(rows, axis=0)[:, 1]
    step = 10.0**-_DIGITS
    return [
        (
            round(float(np.floor(low / step) * step), _DIGITS),
            round(float(np.ceil(high / step) * step), _DIGITS),
        )
        for low, high in zip(least, largest, strict=True)
    ]


def main() -> None:
    """Measure and write the ranges."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--half", choices=["all", "tune", "report"], default="tune")
    options = parser.parse_args()
    people = DataSet.read(options.faces).half(options.half).pictures
    pipeline = FacePipeline.open(
        default_store(), PipelineSettings(embedder="dlib-resnet-v1-float16")
    )
    normalise = Normaliser(pipeline.embedder_card.input)
    photos = [path for own in people.values() for path in own]
    inputs = [normalise(chip) for chip in chips(pipeline, photos)]
    ranges = measure(inputs)
    rows = ",\n".join(f"  {json.dumps(pair)}" for pair in ranges)
    RANGES.write_text(f"[\n{rows}\n]\n", "utf-8")
    print(f"{len(inputs)} pictures, {len(ranges)} maps: {RANGES}")


if __name__ == "__main__":
    main()
