"""Computes what an ONNX network computes out of constants alone: widened and reshaped weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from models.errors import ConversionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.build.onnx_file import OnnxNetwork, OnnxNode

MAX_VALUES = 32_000_000
"""Of all weights together, so that few bytes that are used often cannot fill the memory."""


def folded_constants(onnx: OnnxNetwork) -> tuple[dict[str, NDArray[Any]], list[OnnxNode]]:
    """Compute every operation whose inputs are constants.

    Args:
        onnx: as read from its file.

    Returns:
        All constants by name, those computed included; and the operations that are left.

    Raises:
        ConversionError: a constant operation is of an unknown form, or has no room for its result.
    """
    constants = dict(onnx.constants)
    left: list[OnnxNode] = []
    computed = 0
    for node in onnx.nodes:
        if not node.inputs or any(name not in constants for name in node.inputs):
            left.append(node)
            continue
        inputs = [constants[name] for name in node.inputs]
        if node.kind == "DequantizeLinear" and len(inputs) == 3:
            constants[node.name] = _widened(node, *inputs)
        elif node.kind == "Reshape" and len(inputs) == 2:
            constants[node.name] = _reshaped(node, *inputs)
        else:
            raise ConversionError(f"the operation {node.kind} ({node.name}) is not known")
        computed += constants[node.name].size if node.kind == "DequantizeLinear" else 0
        if computed > MAX_VALUES:
            raise ConversionError(f"the network has more than {MAX_VALUES} weights")
    return constants, left


def _widened(
    node: OnnxNode, values: NDArray[Any], scales: NDArray[Any], zeros: NDArray[Any]
) -> NDArray[np.float32]:
    """(value - zero) * scale, where a scale counts for a block of values along one axis."""
    axis, block = int(node.numbers.get("axis", 1)), int(node.numbers.get("block_size", 0))
    if values.dtype != np.int8 or scales.dtype != np.float32 or zeros.dtype != np.int8:
        raise ConversionError(f"{node.name} is not of int8 values")
    if not 0 <= axis < values.ndim or block < 1:
        raise ConversionError(f"{node.name} is not in blocks along one axis")
    blocks = list(values.shape)
    blocks[axis] = -(-values.shape[axis] // block)
    if scales.shape != tuple(blocks) or zeros.shape != scales.shape:
        raise ConversionError(f"the scales of {node.name} do not fit their values")
    place = np.arange(values.shape[axis]) // block
    shifted = values.astype(np.float32) - np.take(zeros, place, axis).astype(np.float32)
    return np.asarray(shifted * np.take(scales, place, axis), np.float32)


def _reshaped(node: OnnxNode, values: NDArray[Any], shape: NDArray[Any]) -> NDArray[Any]:
    sides = [int(side) for side in shape.ravel()] if shape.dtype == np.int64 else []
    if not sides or min(sides) < 1 or math.prod(sides) != values.size:
        raise ConversionError(f"{node.name} cannot be reshaped to {sides}")
    return values.reshape(sides)
