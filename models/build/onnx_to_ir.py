"""Folds an ONNX network into the few operations of `models.build.ir`.

It knows chains: every operation takes what the one before gave. Weights that are stored as blocks
of int8 are widened. A batch normalisation becomes part of the convolution before it, or of the
fully connected layer behind it. A fully connected layer becomes a convolution over the whole map.

Everything is computed in float64, number by number; sums go through `math.fsum`. So the result does
not depend on the processor, and the translated file's sha256 can be pinned.

Source: ONNX operators, opset 21.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from models.build.layers import Affine, Convolution, Floats, PReLU, to_network
from models.build.onnx_constants import MAX_VALUES, folded_constants
from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.build.ir import Network
    from models.build.onnx_file import OnnxNetwork, OnnxNode

_BATCH_NORMALIZATION_INPUTS = 5
# Of strides and pads; SFace has 2 at most.
_MAX_STEP = 16


def to_ir(onnx: OnnxNetwork) -> Network:
    """Fold a network.

    Args:
        onnx: a chain from one picture, (1, C, H, W), to one vector.

    Returns:
        The same network; its input is scaled and shifted by the first operations, if at all.

    Raises:
        ConversionError: the network has an operation, or a form of one, that is not known here.
    """
    # Absurd weights give infinities, which are refused once everything is folded.
    with np.errstate(over="ignore", invalid="ignore"):
        return _Folding(onnx).network()


class _Folding:
    def __init__(self, onnx: OnnxNetwork) -> None:
        if len(onnx.input_shape) != 4 or onnx.input_shape[0] != 1:
            raise ConversionError(f"the input {onnx.input_shape} is no picture")
        self._onnx = onnx
        self._constants, self._nodes = folded_constants(onnx)
        self._shape: tuple[int, ...] = onnx.input_shape[1:]
        self._layers: list[Convolution | PReLU] = []
        self._input: Affine | None = None
        self._pending: Affine | None = None
        self._is_flat = False
        self._weights = 0
        self._folders: dict[str, Callable[[OnnxNode], None]] = {
            "Sub": self._subtract,
            "Mul": self._multiply,
            "Conv": self._convolution,
            "BatchNormalization": self._normalisation,
            "PRelu": self._prelu,
            "Dropout": lambda _: None,
            "Flatten": self._flatten,
            "Gemm": self._fully_connected,
        }

    def network(self) -> Network:
        last = self._onnx.input_name
        for node in self._nodes:
            if node.kind not in self._folders:
                raise ConversionError(f"the operation {node.kind} ({node.name}) is not known")
            if not node.inputs or node.inputs[0] != last:
                raise ConversionError(f"{node.name} does not follow {last}")
            self._folders[node.kind](node)
            last = node.name
        if last != self._onnx.output_name or self._pending or not self._layers:
            raise ConversionError(f"the network does not end with {self._onnx.output_name}")
        name, shape = self._onnx.input_name, self._onnx.input_shape
        return to_network(name, shape, self._input, self._layers)

    def _subtract(self, node: OnnxNode) -> None:
        self._scale_input(node, 1.0, -self._single(node, 1))

    def _multiply(self, node: OnnxNode) -> None:
        self._scale_input(node, self._single(node, 1), 0.0)

    def _scale_input(self, node: OnnxNode, factor: float, shift: float) -> None:
        if self._layers:
            raise ConversionError(f"{node.kind} ({node.name}) is known at the input alone")
        depth = self._shape[0]
        old = self._input or Affine(np.ones(depth), np.zeros(depth))
        self._input = Affine(old.factor * factor, old.shift * factor + shift)

    def _convolution(self, node: OnnxNode) -> None:
        kernel = self._constant(node, 1, rank=4)
        bias = self._constant(node, 2, rank=1) if len(node.inputs) > 2 else np.zeros(len(kernel))
        groups = int(node.numbers.get("group", 1))
        is_depthwise = groups == self._shape[0] == len(kernel)
        if self._is_flat or self._pending or not (groups == 1 or is_depthwise):
            raise ConversionError(f"the convolution {node.name} is of an unknown form")
        if kernel.shape[1] != self._shape[0] // groups or len(bias) != len(kernel):
            raise ConversionError(f"the kernel of {node.name} does not fit its input")
        layer = Convolution(node.name, kernel, bias, groups, *_steps(node))
        self._shape = layer.output_shape(self._shape)
        if min(self._shape) < 1:
            raise ConversionError(f"the kernel of {node.name} is larger than its input")
        self._layers.append(layer)

    def _normalisation(self, node: OnnxNode) -> None:
        if len(node.inputs) != _BATCH_NORMALIZATION_INPUTS:
            raise ConversionError(f"{node.name} has {len(node.inputs)} inputs")
        gamma, beta, mean, variance = (self._constant(node, at, rank=1) for at in range(1, 5))
        if any(len(one) != self._shape[0] for one in (gamma, beta, mean, variance)):
            raise ConversionError(f"{node.name} does not fit its input")
        spread = variance + node.numbers.get("epsilon", 1e-5)
        if spread.min() <= 0:
            raise ConversionError(f"{node.name} has a variance that is not positive")
        factor = gamma / np.sqrt(spread)
        shift = beta - mean * factor
        before = self._layers[-1] if self._layers else None
        if isinstance(before, Convolution):
            before.scale(factor, shift)
        elif before is None or self._pending:
            raise ConversionError(f"{node.name} stands where it cannot be folded")
        else:
            self._pending = Affine(factor, shift)

    def _prelu(self, node: OnnxNode) -> None:
        slopes = self._constant(node, 1, rank=3)
        if slopes.shape != (self._shape[0], 1, 1) or self._is_flat or self._pending:
            raise ConversionError(f"the slopes of {node.name} are not one per channel")
        self._layers.append(PReLU(node.name, slopes.ravel()))

    def _flatten(self, node: OnnxNode) -> None:
        if node.numbers.get("axis", 1) != 1:
            raise ConversionError(f"the axis of {node.name} is not known")
        self._is_flat = True

    def _fully_connected(self, node: OnnxNode) -> None:
        expected = {"alpha": 1, "beta": 1, "transA": 0, "transB": 1}
        found = {"alpha": 1, "beta": 1, "transA": 0, "transB": 0, **node.numbers}
        weights = self._constant(node, 1, rank=2)
        bias = self._constant(node, 2, rank=1)
        if found != expected or not self._is_flat:
            raise ConversionError(f"the layer {node.name} is of an unknown form")
        if weights.shape[1] != math.prod(self._shape) or len(bias) != len(weights):
            raise ConversionError(f"the weights of {node.name} do not fit their input")
        # The flattened map is NCHW, so this is a kernel as large as the map.
        kernel = weights.reshape(len(weights), *self._shape)
        if self._pending:
            bias = bias + _sums(kernel, self._pending.shift)
            kernel = kernel * self._pending.factor[None, :, None, None]
        self._pending, self._shape = None, (len(weights), 1, 1)
        self._layers.append(Convolution(node.name, kernel, bias, 1, (1, 1), (0, 0, 0, 0)))

    def _constant(self, node: OnnxNode, at: int, *, rank: int) -> Floats:
        values = self._constants.get(node.inputs[at]) if at < len(node.inputs) else None
        if values is None or values.dtype != np.float32 or values.ndim != rank:
            raise ConversionError(f"an input of {node.name} is not constant of rank {rank}")
        self._weights += values.size
        if self._weights > MAX_VALUES:
            raise ConversionError(f"the network has more than {MAX_VALUES} weights")
        return values.astype(np.float64)

    def _single(self, node: OnnxNode, at: int) -> float:
        values = self._constant(node, at, rank=1)
        if values.size != 1:
            raise ConversionError(f"{node.kind} ({node.name}) takes more than one number")
        return float(values[0])


def _steps(node: OnnxNode) -> tuple[tuple[int, int], tuple[int, int, int, int]]:
    """Read strides (y, x) and pads (top, left, bottom, right) of a convolution."""
    strides, pads = node.lists.get("strides", (1, 1)), node.lists.get("pads", (0, 0, 0, 0))
    if len(strides) != 2 or len(pads) != 4 or not _within(strides, 1) or not _within(pads, 0):
        raise ConversionError(f"the stride or padding of {node.name} is not known")
    if set(node.lists.get("dilations", (1,))) != {1}:
        raise ConversionError(f"the dilation of {node.name} is not known")
    return (strides[0], strides[1]), (pads[0], pads[1], pads[2], pads[3])


def _within(numbers: tuple[int, ...], least: int) -> bool:
    return least <= min(numbers) and max(numbers) <= _MAX_STEP


def _sums(kernel: Floats, shift: Floats) -> Floats:
    """What a shift of each input channel adds to each output, rounded once."""
    moved = kernel * shift[None, :, None, None]
    try:
        return np.array([math.fsum(one) for one in moved.reshape(len(moved), -1)])
    except (OverflowError, ValueError) as error:
        raise ConversionError("the weights are not finite once folded") from error
