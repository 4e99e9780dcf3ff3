"""A network as int8 throughout agrees with its floats, and the Edge TPU would run all of it."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.build.edge_tpu_operators import check_operators
from models.build.equalisation import equalised, find_shifts
from models.build.full_int8 import (
    Int8Calibration,
    quantisation_of,
    read_calibration,
    to_full_int8,
    write_calibration,
)
from models.build.ir import Network
from models.build.ir_input import split_normalisation
from models.build.ir_to_tflite import to_tflite
from models.build.onnx_file import read_onnx
from models.build.onnx_to_ir import to_ir
from models.build.tflite_file import Operator, Quantisation, TFLiteFile
from models.errors import ConversionError
from models.runtime import installed_runtimes
from scripts.calibrate_sface import calibrated, measure
from tests.unit.models.build.onnx_networks import SIDE, small_onnx
from tests.unit.models.build.test_ir_to_tflite import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FILE, BY_HAND = small_onnx()
WHOLE = to_ir(read_onnx(FILE.content))
NETWORK, _ = split_normalisation(WHOLE)
PICTURES = np.random.default_rng(5).integers(0, 256, (24, 3, SIDE, SIDE))


def scaled(picture: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> np.ndarray:  # type: ignore[type-arg]
    return ((picture - 127.5) / 128).astype(np.float32)


@pytest.fixture(scope="module")
def calibration() -> Int8Calibration:
    inputs = (np.ascontiguousarray(scaled(one).transpose(1, 2, 0)[None]) for one in PICTURES[:16])
    return calibrated(NETWORK, measure(NETWORK, inputs))


@pytest.mark.parametrize("runtime", installed_runtimes())
def test_it_computes_about_what_the_floats_do(runtime: str, calibration: Int8Calibration) -> None:
    content, normalisation = to_full_int8(WHOLE, "test", calibration)

    assert (normalisation.mean.tolist(), normalisation.scale.tolist()) == ([127.5] * 3, [128] * 3)
    for picture in PICTURES[16:]:
        answer, expected = run(runtime, content, scaled(picture)), BY_HAND(picture)
        lengths = np.linalg.norm(answer) * np.linalg.norm(expected)
        assert answer @ expected / lengths > 0.98


def test_the_same_network_gives_the_same_bytes(
    calibration: Int8Calibration, tmp_path: Path
) -> None:
    write_calibration(tmp_path / "calibration.json", calibration)
    again = read_calibration(tmp_path / "calibration.json")

    assert to_full_int8(WHOLE, "test", again)[0] == to_full_int8(WHOLE, "test", calibration)[0]


SHIFTS = st.fixed_dictionaries(
    {
        name: st.lists(st.integers(-10, 10), min_size=depth, max_size=depth)
        for name, depth in (("stem", 8), ("deep", 8), ("point", 16))
    }
)


@given(SHIFTS)
@settings(max_examples=20)
def test_dividing_channels_by_powers_of_two_changes_no_bit(shifts: dict[str, list[int]]) -> None:
    first, second = (
        run("litert", to_tflite(network, "test")[0], scaled(PICTURES[0]))
        for network in (NETWORK, equalised(NETWORK, shifts))
    )

    assert first.tobytes() == second.tobytes()


def test_channels_in_front_of_a_depthwise_convolution_become_alike() -> None:
    largest = {
        "stem": np.array([0.0, 1, 2, 4, 8, 1, 1, 1]),
        "deep": np.ones(8),
        "point": np.ones(16),
    }

    shifts = find_shifts(NETWORK, largest)

    assert shifts["stem"] == [0, 0, 1, 2, 3, 0, 0, 0]
    assert set(shifts["deep"]) | set(shifts["point"]) == {0}


def test_what_scaling_would_change_is_refused() -> None:
    nodes = [
        dataclasses.replace(n, kind="Sigmoid") if n.kind == "PReLU" else n for n in NETWORK.nodes
    ]

    with pytest.raises(ConversionError, match="cannot be scaled across Sigmoid"):
        equalised(Network(tuple(nodes), NETWORK.constants), {"stem": [0] * 8})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda one: {**one, "ranges": {}}, "has no range of data"),
        (lambda one: {**one, "shifts": {}}, "the shifts of stem are those of another network"),
    ],
)
def test_another_networks_calibration_is_refused(
    calibration: Int8Calibration,
    change: Callable[[dict[str, object]], dict[str, object]],
    reason: str,
) -> None:
    other = Int8Calibration(**change(dataclasses.asdict(calibration)))  # type: ignore[arg-type]

    with pytest.raises(ConversionError, match=reason):
        to_full_int8(WHOLE, "test", other)


@given(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4))
def test_every_range_holds_zero_exactly(first: float, second: float) -> None:
    least, largest = min(first, second), max(first, second)
    if max(abs(least), abs(largest)) < 1e-30:
        return
    found = quantisation_of(least, largest)
    (scale,), (zero,) = found.scales, found.zeros

    assert -128 <= zero <= 127
    assert (-128 - zero) * scale <= min(least, 0) + scale
    assert (127 - zero) * scale >= max(largest, 0) - scale


def test_an_empty_range_is_refused() -> None:
    with pytest.raises(ConversionError, match="the range from 0 to 0 is none"):
        quantisation_of(0, 0)


EIGHT_BITS = Quantisation((0.1,), (0,))


def padded(amounts: list[list[int]]) -> TFLiteFile:
    file = TFLiteFile("test")
    source = file.tensor("map", (1, 4, 4, 8), EIGHT_BITS)
    output = file.tensor("padded", (1, 6, 6, 8), EIGHT_BITS)
    pads = file.constant("pads", np.array(amounts, np.int32))
    file.operation(Operator.PAD, [source, pads], output)
    return file


def sloped(shape: tuple[int, ...]) -> TFLiteFile:
    file = TFLiteFile("test")
    source = file.tensor("map", (1, 4, 4, 8), EIGHT_BITS)
    slopes = file.quantised("slopes", np.ones(shape, np.int8), np.ones(1, np.float32))
    output = file.tensor("sloped", (1, 4, 4, 8), EIGHT_BITS)
    file.operation(Operator.PRELU, [source, slopes], output)
    return file


def one_operation(
    operator: Operator, quantisation: Quantisation | None, batch: int = 1
) -> TFLiteFile:
    file = TFLiteFile("test")
    source = file.tensor("map", (batch, 4, 4, 8), quantisation)
    file.operation(operator, [source], file.tensor("out", (batch, 4, 4, 8), quantisation))
    return file


@pytest.mark.parametrize(
    "file",
    [
        padded([[0, 0], [1, 1], [1, 1], [0, 0]]),
        sloped((1, 1, 8)),
        one_operation(Operator.LOGISTIC, EIGHT_BITS),
    ],
)
def test_supported_operations_pass(file: TFLiteFile) -> None:
    check_operators(file)


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (padded([[0, 1], [1, 1], [1, 1], [0, 0]]), r"PAD \(padded\): it pads the batch"),
        (padded([[0, 0], [1, 1], [1, 1], [0, 2]]), "pads the batch or the channels"),
        (sloped((4, 4, 8)), "the innermost dimension of its slopes"),
        (one_operation(Operator.MEAN, EIGHT_BITS), "not in the list of supported operations"),
        (one_operation(Operator.LOGISTIC, None), "neither int8 nor int32"),
        (one_operation(Operator.LOGISTIC, EIGHT_BITS, batch=2), "three innermost dimensions"),
        (one_operation(Operator.QUANTIZE, None), "QUANTIZE"),
    ],
)
def test_what_the_edge_tpu_would_not_run_is_refused(file: TFLiteFile, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        check_operators(file)
