"""A network of every form that SFace is made of, and the same computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tests.unit.models.build.ir_files import convolve, prelu
from tests.unit.models.build.onnx_files import OnnxFile

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.models.build.ir_files import Array

SIDE = 8


def small_onnx() -> tuple[OnnxFile, Callable[[Array], Array]]:
    """Return the file, and a function from (3, 8, 8), 0 to 255, to the vector."""
    random = np.random.default_rng(3)
    file = OnnxFile((1, 3, SIDE, SIDE))
    mean = file.constant("mean", np.array([127.5], np.float32))
    factor = file.constant("factor", np.array([1 / 128], np.float32))
    stem, stem_name = _kernel(file, random, "stem", (8, 3, 3, 3), 27)
    deep, deep_name = _kernel(file, random, "deep", (8, 1, 3, 3), 9)
    point, point_name = _kernel(file, random, "point", (16, 8, 1, 1), 4)
    norms = [_norm(random, depth) for depth in (8, 8, 16, 16, 5)]
    slopes = [random.uniform(-0.8, 1.2, (depth, 1, 1)) for depth in (8, 16)]
    rows, scales, zeros = _int8(random, (5, 16 * 16), 64)
    bias = random.uniform(-1, 1, 5).astype(np.float32)

    file.follow("Sub", "shifted", mean)
    file.follow("Mul", "scaled", factor)
    file.follow("Conv", "stem", stem_name, pads=[1, 1, 1, 1], strides=[1, 1], group=1)
    file.normalised("stem norm", norms[0], 1e-3)
    file.follow("PRelu", "stem relu", file.constant("slopes 0", slopes[0].astype(np.float32)))
    # TFLite's own padding would begin at another pixel.
    file.follow("Conv", "deep", deep_name, pads=[1, 1, 1, 1], strides=[2, 2], group=8)
    file.normalised("deep norm", norms[1], 1e-3)
    file.follow("Conv", "point", point_name, pads=[0, 0, 0, 0], strides=[1, 1], group=1)
    file.normalised("point norm", norms[2], 1e-3)
    file.follow("PRelu", "point relu", file.constant("slopes 1", slopes[1].astype(np.float32)))
    file.normalised("bn1", norms[3], 2e-5)
    ratio = file.node("Constant", "ratio", [], value=_ratio())
    file.follow("Dropout", "dropped", ratio)
    file.follow("Flatten", "flat")
    wide = file.blocks("last", rows, scales, zeros, 64)
    file.follow("Gemm", "gemm", wide, file.constant("bias", bias), alpha=1.0, beta=1.0, transB=1)
    file.normalised("fc1", norms[4], 2e-5)
    weights = (rows - np.repeat(zeros, 64, 1)) * np.repeat(scales, 64, 1)

    def by_hand(picture: Array) -> Array:
        y = (picture.astype(np.float64) - 127.5) / 128
        y = prelu(_normalised(convolve(y, stem, pads=(1, 1)), norms[0], 1e-3), slopes[0])
        y = _normalised(
            convolve(y, deep[:, None].reshape(8, 1, 1, 3, 3), stride=2, pads=(1, 1)), norms[1], 1e-3
        )
        y = prelu(_normalised(convolve(y, point), norms[2], 1e-3), slopes[1])
        y = _normalised(y, norms[3], 2e-5)
        vector = weights @ y.ravel() + bias
        return _normalised(vector.reshape(-1, 1, 1), norms[4], 2e-5).ravel()

    return file, by_hand


def _ratio() -> bytes:
    from tests.unit.models.build.onnx_files import blob, number

    return number(2, 1) + blob(4, np.array([0.4], "<f4").tobytes())


def _int8(
    random: np.random.Generator, shape: tuple[int, int], block: int
) -> tuple[Array, Array, Array]:
    rows = random.integers(-128, 128, shape)
    blocks = (shape[0], -(-shape[1] // block))
    return (
        rows,
        random.uniform(0.001, 0.01, blocks).astype(np.float32).astype(np.float64),
        random.integers(-50, 50, blocks),
    )


def _kernel(
    file: OnnxFile, random: np.random.Generator, name: str, shape: tuple[int, ...], block: int
) -> tuple[Array, str]:
    width = int(np.prod(shape[1:]))
    rows, scales, zeros = _int8(random, (shape[0], width), block)
    wide = file.blocks(name, rows, scales, zeros, block)
    values = (rows - np.repeat(zeros, block, 1)[:, :width]) * np.repeat(scales, block, 1)[:, :width]
    return values.reshape(shape), file.reshaped(f"{name} kernel", wide, shape)


def _norm(random: np.random.Generator, depth: int) -> list[Array]:
    drawn = [random.uniform(low, high, depth) for low, high in ((0.5, 2), (-1, 1), (-1, 1))]
    return [*drawn, random.uniform(0.1, 3, depth)]


def _normalised(maps: Array, norm: list[Array], epsilon: float) -> Array:
    gamma, beta, mean, variance = (one.astype(np.float32).reshape(-1, 1, 1) for one in norm)
    return np.asarray((maps - mean) / np.sqrt(variance + epsilon) * gamma + beta)
