"""Writes a network as int8 throughout, with fixed ranges: what edgetpu_compiler takes.

Weights have one scale per output channel, maps one scale and one zero each. Input and output of the
file are float32, so that it is fed and read like the card's other files.

Source: "TensorFlow Lite 8-bit quantization specification" of the TensorFlow documentation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.build import tflite_file as tflite
from models.build.edge_tpu_operators import check_operators
from models.build.equalisation import equalised
from models.build.ir_input import split_normalisation
from models.build.kernel_storage import quantise
from models.build.tflite_file import Operator, Padding, Quantisation, TFLiteFile
from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from models.build.equalisation import Shifts
    from models.build.ir import FloatArray, Network, Node
    from models.build.ir_input import Normalisation

_LEAST, _LARGEST, _STEPS = -128, 127, 255
# Of CONV_2D and DEPTHWISE_CONV_2D with int8 maps, of DEQUANTIZE and PAD of int8.
# Source: tensorflow/lite/tools/versioning/op_version.cc.
_CONV_VERSION, _DEQUANTIZE_VERSION, _PAD_VERSION = 3, 2, 2
_DEPTHWISE_AXIS = 3


@dataclass(frozen=True)
class Int8Calibration:
    """What was measured over faces; numbers of the network's maps, nothing of any photo.

    Attributes:
        shifts: see `models.build.equalisation`.
        ranges: least and largest value of each map of the equalised network, by the name of the
            node that gives it; of a convolution, by that of its bias.
    """

    shifts: Shifts
    ranges: Mapping[str, tuple[float, float]]


def read_calibration(path: Path) -> Int8Calibration:
    """Read a calibration that `scripts/calibrate_sface.py` wrote."""
    values = json.loads(path.read_text("utf-8"))
    ranges = {name: (float(low), float(high)) for name, (low, high) in values["ranges"].items()}
    return Int8Calibration(values["shifts"], ranges)


def write_calibration(path: Path, calibration: Int8Calibration) -> None:
    """Write a calibration, one row for each map and each convolution."""
    parts = {"ranges": calibration.ranges, "shifts": calibration.shifts}
    texts = [f' "{part}": {{\n{_rows(values)}\n }}' for part, values in parts.items()]
    path.write_text("{\n" + ",\n".join(texts) + "\n}\n", "utf-8")


def _rows(values: Mapping[str, Sequence[float]]) -> str:
    return ",\n".join(
        f"  {json.dumps(name)}: {json.dumps(row, separators=(',', ':'))}"
        for name, row in values.items()
    )


def to_full_int8(
    network: Network, description: str, calibration: Int8Calibration
) -> tuple[bytes, Normalisation]:
    """Translate a chain of convolutions and PReLUs.

    Args:
        network: of one NCHW picture a call; its output is one vector, (1, D, 1, 1).
        description: written into the file.
        calibration: of the same network.

    Returns:
        A TFLite file, (1, H, W, C) float32 -> (1, D) float32, the same bytes for the same network;
        and what has to be done to the network's input before, which the file does not do.

    Raises:
        ConversionError: an operation is not known here or not supported by the Edge TPU, or the
            calibration is another network's.
    """
    network, normalisation = split_normalisation(network)
    writer = _Int8Writer(equalised(network, calibration.shifts), description, calibration.ranges)
    return writer.content(), normalisation


def quantisation_of(least: float, largest: float) -> Quantisation:
    """Return the scale and zero with which int8 covers a range; 0 is always exact.

    Args:
        least: of the values.
        largest: of the values.

    Raises:
        ConversionError: the range is empty or not finite.
    """
    low, high = min(least, 0.0), max(largest, 0.0)
    scale = float(np.float32((high - low) / _STEPS))
    if not (0 < scale < np.inf):
        raise ConversionError(f"the range from {least} to {largest} is none")
    zero = int(np.clip(np.rint(_LEAST - low / scale), _LEAST, _LARGEST))
    return Quantisation((scale,), (zero,))


class _Int8Writer:
    def __init__(
        self, network: Network, description: str, ranges: Mapping[str, tuple[float, float]]
    ) -> None:
        self._network = network
        self._ranges = ranges
        self._file = TFLiteFile(description)

    def content(self) -> bytes:
        first, *rest = self._network.nodes
        taken = self._file.tensor(first.name, _nhwc(first.shape))
        current = self._file.operation(Operator.QUANTIZE, [taken], self._map(first))
        waiting: Node | None = None
        for node in rest:
            if node.kind in ("Convolution", "GroupConvolution"):
                waiting = node
            elif node.kind == "Add" and waiting is not None:
                current, waiting = self._convolution(waiting, node, current), None
            elif node.kind == "PReLU":
                current = self._prelu(node, current)
            else:
                raise ConversionError(f"{node.kind} ({node.name}) is not known in full int8")
        output = self._vector(current)
        check_operators(self._file)
        return self._file.content([taken], [output])

    def _convolution(self, node: Node, bias: Node, source: int) -> int:
        is_depthwise = node.kind == "GroupConvolution"
        weights = self._network.constants[node.inputs[1]]
        kernel = (weights[:, 0] if is_depthwise else weights).transpose(0, 2, 3, 1)
        values, scales = quantise(kernel)
        axis = 0
        if is_depthwise:
            values, axis = values.transpose(3, 1, 2, 0), _DEPTHWISE_AXIS
        stored = self._file.quantised(f"{node.name} kernel", values, scales, axis=axis)
        sums = self._bias(bias, source, scales)
        stride = node.integers("strides")
        options = (
            tflite.depthwise_options(Padding.VALID, stride, 1)
            if is_depthwise
            else tflite.conv_options(Padding.VALID, stride)
        )
        operator = Operator.DEPTHWISE_CONV_2D if is_depthwise else Operator.CONV_2D
        inputs = [self._padded(node, source), stored, sums]
        return self._file.operation(
            operator, inputs, self._map(bias), options, version=_CONV_VERSION
        )

    def _bias(self, node: Node, source: int, kernel_scales: FloatArray) -> int:
        """Store a bias as int32, in units of the input's scale times the kernel's."""
        scales = np.float32(self._scale_of(source)) * kernel_scales
        bias = self._network.constants[node.inputs[1]].ravel().astype(np.float64)
        values = np.rint(bias / scales.astype(np.float64))
        limit = np.iinfo(np.int32)
        return self._file.quantised(
            node.name + " values", values.clip(limit.min, limit.max).astype(np.int32), scales
        )

    def _padded(self, node: Node, source: int) -> int:
        top, left = node.integers("pads_begin")
        bottom, right = node.integers("pads_end")
        if not (top or left or bottom or right):
            return source
        amounts = np.array([(0, 0), (top, bottom), (left, right), (0, 0)], np.int32)
        tensor = self._file.tensors[source]
        _, height, width, depth = tensor.shape
        shape = (1, height + top + bottom, width + left + right, depth)
        output = self._file.tensor(f"{node.name} padded", shape, tensor.quantisation)
        inputs = [source, self._file.constant(f"{node.name} pads", amounts)]
        return self._file.operation(
            Operator.PAD, inputs, output, tflite.PAD_OPTIONS, version=_PAD_VERSION
        )

    def _prelu(self, node: Node, source: int) -> int:
        slopes = self._network.constants[node.inputs[1]].reshape(1, -1)
        values, scales = quantise(slopes)
        depth = self._file.tensors[source].shape[-1]
        wide = np.broadcast_to(values, (1, depth)) if slopes.size == 1 else values
        stored = self._file.quantised(f"{node.name} slope", wide.reshape(1, 1, -1), scales)
        return self._file.operation(Operator.PRELU, [source, stored], self._map(node))

    def _vector(self, source: int) -> int:
        """Drop the map's height and width, which are 1, and widen to float32."""
        tensor = self._file.tensors[source]
        if tensor.shape[1:3] != (1, 1):
            raise ConversionError(f"the output {tensor.shape} is no vector")
        shape = (1, tensor.shape[3])
        inputs = [source, self._file.constant("vector shape", np.array(shape, np.int32))]
        flat = self._file.tensor("embedding int8", shape, tensor.quantisation)
        self._file.operation(Operator.RESHAPE, inputs, flat, tflite.RESHAPE_OPTIONS)
        output = self._file.tensor("embedding", shape)
        return self._file.operation(
            Operator.DEQUANTIZE,
            [flat],
            output,
            tflite.DEQUANTIZE_OPTIONS,
            version=_DEQUANTIZE_VERSION,
        )

    def _map(self, node: Node) -> int:
        if node.name not in self._ranges:
            raise ConversionError(f"the calibration has no range of {node.name}")
        return self._file.tensor(
            node.name, _nhwc(node.shape), quantisation_of(*self._ranges[node.name])
        )

    def _scale_of(self, index: int) -> float:
        quantisation = self._file.tensors[index].quantisation
        if quantisation is None:
            raise ConversionError(f"{self._file.tensors[index].name} is not int8")
        return quantisation.scales[0]


def _nhwc(shape: Sequence[int]) -> tuple[int, ...]:
    batch, depth, height, width = shape
    return batch, height, width, depth
