"""Measures the ranges of SFace's maps over faces, for the full-int8 file.

Run: python -m scripts.calibrate_sface FOLDER [--half tune]; FOLDER holds one folder of photos per
person. Writes models/build/sface-calibration.json: numbers of channels and maps, nothing of any
photo. `rollcall-models install sface-2021dec` builds the file from them.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from models.build.equalisation import find_shifts
from models.build.full_int8 import Int8Calibration, write_calibration
from models.build.ir_input import split_normalisation
from models.build.ir_to_tflite import maps_to_tflite
from models.build.onnx_file import read_onnx
from models.build.onnx_to_ir import to_ir
from models.build.translate import SFACE_CALIBRATION
from models.cli.packaged import source_target
from models.evaluate.dataset import DataSet
from models.pipeline import FacePipeline, PipelineSettings
from models.runtime.litert import interpreter_factory
from models.stages.images import Normaliser
from models.store import OnnxOrigin, asset_folder, default_store
from scripts.bench.verification import find_face

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from models.build.ir import Network
    from models.stages.images import BGRImage, FloatArray

    Extremes = Mapping[str, FloatArray]

# Each range holds this share of the faces whole. Single faces go far beyond the others, and all
# of the others would pay for them with coarser steps. Source: docs/measurements/sface.md.
_SHARE = 0.9
# The ranges are rounded outwards: neither a thread's order of summing nor a runtime's changes them.
_DIGITS = 4


def chips(pipeline: FacePipeline, photos: Iterable[Path]) -> Iterator[BGRImage]:
    """Cut out the face nearest to each photo's centre; photos without one are left out."""
    for path in photos:
        found = find_face(pipeline, path)
        if found is not None:
            yield pipeline.align(*found)


def measure(network: Network, inputs: Iterable[FloatArray]) -> Extremes:
    """Run a network and note the least and the largest value of each channel, for each input.

    Args:
        network: without scaling of its input.
        inputs: N of (1, H, W, 3) float32, at least one.

    Returns:
        By the name of the node, the input included: (N, 2, C).
    """
    content, names = maps_to_tflite(network, "maps")
    interpreter: Any = interpreter_factory()(
        model_content=content, num_threads=1, experimental_delegates=None
    )
    interpreter.allocate_tensors()
    taken = interpreter.get_input_details()[0]["index"]
    given = [details["index"] for details in interpreter.get_output_details()]
    seen: dict[str, list[FloatArray]] = {name: [] for name in (network.nodes[0].name, *names)}
    for values in inputs:
        interpreter.set_tensor(taken, values)
        interpreter.invoke()
        maps = [values, *(interpreter.get_tensor(index) for index in given)]
        for rows, found in zip(seen.values(), maps, strict=True):
            flat = found.reshape(-1, found.shape[-1])
            rows.append(np.stack([flat.min(0), flat.max(0)]))
    return {name: np.stack(rows) for name, rows in seen.items()}


def calibrated(network: Network, extremes: Extremes) -> Int8Calibration:
    """Choose what channels are divided by, and the ranges of the maps then.

    Args:
        network: that was measured.
        extremes: see `measure`.
    """
    behind = {
        node.inputs[0]: _quantiles(extremes[node.name])
        for node in network.nodes
        if node.kind == "Add"
    }
    largest = {
        node.name: np.abs(behind[node.id]).max(0) for node in network.nodes if node.id in behind
    }
    shifts = find_shifts(network, largest)
    factors = {node.id: np.ones(1) for node in network.nodes}
    ranges = {}
    for node in network.nodes:
        if node.name in shifts:
            factors[node.id] = np.exp2(-np.asarray(shifts[node.name], np.float64))
        elif node.kind in ("Add", "PReLU"):
            factors[node.id] = factors[node.inputs[0]]
        if node.name in extremes:
            scaled = extremes[node.name] * factors[node.id]
            each = np.stack([scaled[:, 0].min(1), scaled[:, 1].max(1)], 1)[:, :, None]
            low, high = _quantiles(each).ravel()
            ranges[node.name] = (_outwards(low, np.floor), _outwards(high, np.ceil))
    return Int8Calibration(shifts, ranges)


def _quantiles(extremes: FloatArray) -> FloatArray:
    """Leave out the inputs with the widest range; (N, 2, C) -> (2, C)."""
    low = np.quantile(extremes[:, 0], 1 - _SHARE, axis=0)
    return np.asarray(np.stack([low, np.quantile(extremes[:, 1], _SHARE, axis=0)]), np.float32)


def _outwards(value: float, rounding: np.ufunc) -> float:
    step = 10.0**-_DIGITS
    return round(float(rounding(value / step) * step), _DIGITS)


def main() -> None:
    """Measure and write the calibration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path)
    parser.add_argument("--half", choices=["all", "tune", "report"], default="tune")
    options = parser.parse_args()
    store = default_store()
    origin = store.cards["sface-2021dec"].origin
    assert isinstance(origin, OnnxOrigin)
    content = (asset_folder() / source_target(origin)).read_bytes()
    network, _ = split_normalisation(to_ir(read_onnx(content)))
    pipeline = FacePipeline.open(store, PipelineSettings(embedder="sface-2021dec"))
    normalise = Normaliser(pipeline.embedder_card.input)
    people = DataSet.read(options.faces).half(options.half).pictures
    photos = [path for own in people.values() for path in own]
    extremes = measure(network, (normalise(chip) for chip in chips(pipeline, photos)))
    write_calibration(SFACE_CALIBRATION, calibrated(network, extremes))
    print(f"{len(photos)} photos, {len(extremes)} maps: {SFACE_CALIBRATION}")


if __name__ == "__main__":
    main()
