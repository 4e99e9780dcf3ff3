"""A network in an ONNX file computes in TFLite what it means, however its weights are stored."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from models.build.ir_to_tflite import to_tflite
from models.build.kernel_storage import KernelStorage, quantise
from models.build.onnx_file import read_onnx
from models.build.onnx_to_ir import to_ir
from models.errors import ConversionError
from models.runtime import installed_runtimes
from tests.unit.models.build.onnx_files import OnnxFile
from tests.unit.models.build.onnx_networks import SIDE, small_onnx
from tests.unit.models.build.test_ir_to_tflite import run

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.build.ir_input import Normalisation

PICTURE = np.random.default_rng(5).integers(0, 256, (3, SIDE, SIDE))
PRECISION = {
    KernelStorage.EXACT: 1e-5,
    KernelStorage.FLOAT16: 2e-3,
    KernelStorage.INT8: 0.05,
    KernelStorage.INT8_WEIGHTS: 0.02,
}


def translated(file: OnnxFile, storage: KernelStorage) -> tuple[bytes, Normalisation]:
    return to_tflite(to_ir(read_onnx(file.content)), "test", storage)


@pytest.mark.parametrize("runtime", installed_runtimes())
@pytest.mark.parametrize("storage", KernelStorage)
def test_every_form_computes_what_it_means(storage: KernelStorage, runtime: str) -> None:
    file, by_hand = small_onnx()
    content, normalisation = translated(file, storage)

    answer = run(runtime, content, (PICTURE - 127.5) / 128)

    assert (normalisation.mean.tolist(), normalisation.scale.tolist()) == ([127.5] * 3, [128] * 3)
    expected = by_hand(PICTURE)
    error = np.abs(answer - expected).max() / np.abs(expected).max()
    assert error < PRECISION[storage]


@pytest.mark.parametrize("storage", KernelStorage)
def test_the_same_network_gives_the_same_bytes(storage: KernelStorage) -> None:
    first, second = (translated(small_onnx()[0], storage)[0] for _ in range(2))

    assert first == second


def test_the_bytes_are_those_of_every_machine() -> None:
    content, _ = translated(small_onnx()[0], KernelStorage.INT8_WEIGHTS)

    assert hashlib.sha256(content).hexdigest().startswith("fca45b3c78753a40")


KERNELS = arrays.arrays(
    np.float32,
    st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 3), st.integers(1, 3)),
    elements=st.floats(-(2.0**40), 2.0**40, width=32),
)


@given(KERNELS)
def test_int8_is_off_by_half_a_step_at_most(
    kernel: np.ndarray[tuple[int, ...], np.dtype[np.float32]],
) -> None:
    values, scales = quantise(kernel)

    steps = scales.astype(np.float64).reshape(-1, 1, 1, 1)
    assert (scales > 0).all()
    assert np.abs(values.astype(np.int16)).max() <= 127
    largest = np.abs(kernel).max(axis=(1, 2, 3), keepdims=True).astype(np.float64)
    # Near the smallest float32 the scale itself is off by half of that number, 127 times.
    room = np.maximum(0.5 * steps * (1 + 1e-5), 2.0**-149) + largest * 1e-6 + 127 * 2.0**-150
    assert (np.abs(values * steps - kernel) <= room).all()


def chain(add: Callable[[OnnxFile], object]) -> OnnxFile:
    file = OnnxFile((1, 2, 4, 4))
    kernel = file.constant("kernel", np.ones((2, 2, 4, 4), np.float32))
    file.follow("Conv", "first", kernel)
    add(file)
    return file


def ones(*shape: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.ones(shape, np.float32)


@pytest.mark.parametrize(
    ("add", "reason"),
    [
        (lambda f: f.follow("Softmax", "x"), "Softmax"),
        (lambda f: f.follow("custom.Conv", "x"), "not known"),
        (lambda f: f.follow("Sub", "x", f.constant("c", ones(1))), "at the input alone"),
        (lambda f: f.follow("PRelu", "x", f.constant("s", ones(1, 1, 1))), "one per channel"),
        (lambda f: f.follow("PRelu", "x", "missing"), "not constant"),
        (lambda f: f.follow("Conv", "x", f.constant("k", ones(2, 3, 1, 1))), "does not fit"),
        (lambda f: f.follow("Conv", "x", f.constant("k", ones(2, 2, 3, 3))), "larger than"),
        (lambda f: f.follow("Conv", "x", f.constant("k", ones(2, 1, 1, 1)), group=3), "form"),
        (lambda f: f.follow("Conv", "x", "kernel", dilations=[2, 2]), "dilation"),
        (lambda f: f.follow("Conv", "x", "kernel", strides=[0, 1]), "stride"),
        (lambda f: f.follow("Conv", "x", "kernel", pads=[-1, 0, 0, 0]), "padding"),
        (lambda f: f.follow("Conv", "x", "kernel", pads=[1, 1]), "padding"),
        (lambda f: f.normalised("x", [ones(3)] * 4, 1e-3), "does not fit"),
        (lambda f: f.normalised("x", [ones(2)] * 3 + [-ones(2)], 1e-3), "not positive"),
        (lambda f: f.follow("BatchNormalization", "x"), "inputs"),
        (lambda f: f.follow("Flatten", "x", axis=2), "axis"),
        (
            lambda f: f.follow("Gemm", "x", f.constant("w", ones(2, 2)), f.constant("b", ones(2))),
            "form",
        ),
        (lambda f: f.node("Dropout", "x", ["data"]), "does not follow"),
        (lambda f: f.node("Add", "x", ["kernel", "kernel"]), "Add"),
        (lambda f: setattr(f, "output", "elsewhere"), "does not end"),
    ],
)
def test_what_is_not_known_is_refused(add: Callable[[OnnxFile], object], reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        translated(chain(add), KernelStorage.EXACT)


def test_a_gemm_that_does_not_transpose_is_refused() -> None:
    def add(file: OnnxFile) -> None:
        file.follow("Flatten", "flat")
        weights = file.constant("weights", ones(2, 2))
        file.follow("Gemm", "gemm", weights, file.constant("bias", ones(2)), transB=0)

    with pytest.raises(ConversionError, match="unknown form"):
        translated(chain(add), KernelStorage.EXACT)


@pytest.mark.parametrize(
    ("storage", "factor", "reason"),
    [
        (KernelStorage.EXACT, 3e38, "not finite once folded"),
        (KernelStorage.FLOAT16, 1e5, "too large for float16"),
    ],
)
def test_weights_that_overflow_are_refused(
    storage: KernelStorage, factor: float, reason: str
) -> None:
    def add(file: OnnxFile) -> None:
        file.normalised("x", [np.full(2, factor), *[ones(2)] * 2, ones(2) / 100], 1e-3)

    with pytest.raises(ConversionError, match=reason):
        translated(chain(add), storage)


def test_few_bytes_used_often_do_not_fill_the_memory() -> None:
    file = OnnxFile((1, 1000, 1, 1))
    kernel = file.constant("kernel", np.zeros((1000, 1000, 1, 1), np.float32))
    for number in range(40):
        file.follow("Conv", f"conv {number}", kernel)

    with pytest.raises(ConversionError, match="more than 32000000 weights"):
        translated(file, KernelStorage.EXACT)


def test_blocks_widened_often_do_not_fill_the_memory() -> None:
    file = OnnxFile((1, 1, 1, 1))
    rows = file.constant("rows", np.zeros((1000, 1000), np.int8))
    scales = file.constant("scales", np.ones((1000, 1), np.float32))
    zeros = file.constant("zeros", np.zeros((1000, 1), np.int8))
    for number in range(40):
        inputs = [rows, scales, zeros]
        file.node("DequantizeLinear", f"wide {number}", inputs, axis=1, block_size=1000)
    file.follow("Dropout", "x")

    with pytest.raises(ConversionError, match="more than 32000000 weights"):
        translated(file, KernelStorage.EXACT)


@pytest.mark.parametrize("block", [0, 2, -1])
def test_blocks_that_do_not_fit_are_refused(block: int) -> None:
    file = OnnxFile((1, 1, 2, 2))
    wide = file.blocks("k", ones(2, 4), ones(2, 1), ones(2, 1), block)
    file.follow("Conv", "x", file.reshaped("kernel", wide, (2, 1, 2, 2)))

    with pytest.raises(ConversionError, match=r"blocks|do not fit"):
        translated(file, KernelStorage.EXACT)


@pytest.mark.parametrize("shape", [(2, 1, 2, 3), (2, -1, 2, 2), (0, 1, 2, 2)])
def test_a_shape_that_does_not_fit_is_refused(shape: tuple[int, ...]) -> None:
    file = OnnxFile((1, 1, 2, 2))
    wide = file.blocks("k", ones(2, 4), ones(2, 1), ones(2, 1), 4)
    file.follow("Conv", "x", file.reshaped("kernel", wide, shape))

    with pytest.raises(ConversionError, match="cannot be reshaped"):
        translated(file, KernelStorage.EXACT)
