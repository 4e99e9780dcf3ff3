"""Writes a TFLite file: the few tables and operators of the schema that our translators need.

TensorFlow is not needed, so that a kiosk can convert a model. The slot numbers are the positions
of the fields in the schema's tables, the enumerations its numbers.

Source: tensorflow/compiler/mlir/lite/schema/schema.fbs, schema version 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import flatbuffers
import numpy as np
from flatbuffers import number_types

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_SCHEMA_VERSION = 3
_FILE_IDENTIFIER = b"TFL3"
# Source: schema.fbs, `force_align: 16` of Buffer.data.
_BUFFER_ALIGNMENT = 16
TENSOR_TYPES = {"float32": 0, "float16": 1, "int32": 2, "int8": 9}
# Source: schema.fbs, Tensor.quantization and QuantizationParameters.
_QUANTIZATION_SLOT = 4
_AXIS_SLOT = 6


class Operator(IntEnum):
    """The builtin operators used, by their numbers in the schema."""

    ADD = 0
    CONV_2D = 3
    DEPTHWISE_CONV_2D = 4
    DEQUANTIZE = 6
    LOGISTIC = 14
    MUL = 18
    RESHAPE = 22
    PAD = 34
    MEAN = 40
    PRELU = 54
    QUANTIZE = 114


# The first version of each that does what we ask for: DEQUANTIZE reads float16 from its third on.
_VERSIONS = {Operator.DEQUANTIZE: 3}
PER_CHANNEL_VERSION = 5
"""Of CONV_2D and DEQUANTIZE whose weights are int8 with a scale per output channel.

Source: tensorflow/lite/tools/versioning/op_version.cc. The runtimes open files that name another
version and may then compute something else, so that tests compare numbers.
"""


class Padding(IntEnum):
    """Of a convolution."""

    SAME = 0
    VALID = 1


@dataclass(frozen=True)
class Options:
    """An operator's options table: its number in the union, and its fields by slot.

    A field is (how to write it, value); a slot that is left out keeps the schema's default.
    """

    number: int
    fields: Mapping[int, tuple[str, float]] = field(default_factory=dict)


def conv_options(padding: Padding, stride: tuple[int, int]) -> Options:
    """Options of CONV_2D.

    Args:
        padding: as TFLite defines it.
        stride: y, x.
    """
    fields: dict[int, tuple[str, float]] = {
        0: ("Int8", padding),
        1: ("Int32", stride[1]),
        2: ("Int32", stride[0]),
    }
    return Options(1, fields)


def depthwise_options(padding: Padding, stride: tuple[int, int], multiplier: int) -> Options:
    """Options of DEPTHWISE_CONV_2D; `multiplier` outputs a channel."""
    return Options(2, {**conv_options(padding, stride).fields, 3: ("Int32", multiplier)})


ADD_OPTIONS = Options(11)
MUL_OPTIONS = Options(21)
RESHAPE_OPTIONS = Options(17)
PAD_OPTIONS = Options(22)
DEQUANTIZE_OPTIONS = Options(38)
KEEP_DIMS_OPTIONS = Options(27, {0: ("Bool", True)})


@dataclass(frozen=True)
class Quantisation:
    """What the whole numbers of a tensor stand for: `(value - zero) * scale`.

    Attributes:
        scales: one, or one for each index of the axis.
        zeros: as many.
        axis: that the scales go along.
    """

    scales: tuple[float, ...]
    zeros: tuple[int, ...]
    axis: int = 0


@dataclass(frozen=True)
class Tensor:
    """A tensor of the file: computed, or a constant with a buffer.

    Attributes:
        type_number: see the schema's TensorType.
        buffer: index of its values; 0 where it has none.
    """

    name: str
    shape: tuple[int, ...]
    type_number: int
    buffer: int
    quantisation: Quantisation | None = None


@dataclass(frozen=True)
class Operation:
    """An operation of the file; inputs and outputs are indices of tensors."""

    operator: Operator
    version: int
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: Options | None


class TFLiteFile:
    """One subgraph, built tensor by tensor; equal calls give equal bytes."""

    def __init__(self, description: str) -> None:
        self._description = description
        self._tensors: list[Tensor] = []
        self._operations: list[Operation] = []
        # Source: schema.fbs, Model.buffers: the first must be empty, for tensors without data.
        self._buffers: list[bytes] = [b""]

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All tensors by index."""
        return tuple(self._tensors)

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations in order."""
        return tuple(self._operations)

    def values(self, index: int) -> bytes:
        """Return the bytes of a constant; empty for a tensor that is computed."""
        return self._buffers[self._tensors[index].buffer]

    def tensor(
        self, name: str, shape: Sequence[int], quantisation: Quantisation | None = None
    ) -> int:
        """Add a tensor that the network computes or takes; returns its index.

        Args:
            name: of the tensor.
            shape: batch included.
            quantisation: of an int8 tensor; without one it is float32.
        """
        kind = "float32" if quantisation is None else "int8"
        return self._add(name, tuple(shape), kind, 0, quantisation)

    def constant(self, name: str, values: NDArray[Any]) -> int:
        """Add values of type float32, float16, int32 or int8; returns the tensor's index."""
        self._buffers.append(np.ascontiguousarray(values).tobytes())
        return self._add(name, values.shape, str(values.dtype), len(self._buffers) - 1)

    def quantised(
        self, name: str, values: NDArray[Any], scales: NDArray[np.float32], *, axis: int = 0
    ) -> int:
        """Add int8 or int32 values that stand for `values * scale`; returns the tensor's index.

        Args:
            name: of the tensor.
            values: any shape.
            scales: one for each index of the axis, or one for all.
            axis: that the scales go along.
        """
        index = self.constant(name, values)
        numbers = tuple(float(scale) for scale in scales)
        quantisation = Quantisation(numbers, (0,) * len(numbers), axis)
        self._tensors[index] = replace(self._tensors[index], quantisation=quantisation)
        return index

    def operation(
        self,
        operator: Operator,
        inputs: Sequence[int],
        output: int,
        options: Options | None = None,
        *,
        version: int | None = None,
    ) -> int:
        """Add an operation; returns the index of its output, which was passed in.

        Args:
            operator: what it computes.
            inputs: indices of tensors.
            output: index of the tensor that it computes.
            options: of the operator.
            version: of the operator, where it is not the first that takes float weights.
        """
        known = _VERSIONS.get(operator, 1) if version is None else version
        self._operations.append(Operation(operator, known, inputs, (output,), options))
        return output

    def content(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        """Write the file.

        Args:
            inputs: indices of the tensors that the network takes.
            outputs: of those that it gives.
        """
        builder = flatbuffers.Builder(sum(map(len, self._buffers)) + 65536)
        operators = sorted({(one.operator, one.version) for one in self._operations})
        codes = _vector(builder, [_operator_code(builder, *operator) for operator in operators])
        subgraph = self._subgraph(builder, operators, inputs, outputs)
        fields = (
            ("Uint32", _SCHEMA_VERSION),
            ("UOffsetTRelative", codes),
            ("UOffsetTRelative", _vector(builder, [subgraph])),
            ("UOffsetTRelative", builder.CreateString(self._description)),
            ("UOffsetTRelative", _vector(builder, [_buffer(builder, b) for b in self._buffers])),
        )
        builder.Finish(_table(builder, dict(enumerate(fields))), file_identifier=_FILE_IDENTIFIER)
        return bytes(builder.Output())

    def _add(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: str,
        buffer: int,
        quantisation: Quantisation | None = None,
    ) -> int:
        self._tensors.append(Tensor(name, shape, TENSOR_TYPES[dtype], buffer, quantisation))
        return len(self._tensors) - 1

    def _subgraph(
        self,
        builder: flatbuffers.Builder,
        operators: list[tuple[Operator, int]],
        inputs: Sequence[int],
        outputs: Sequence[int],
    ) -> int:
        tensors = _vector(builder, [_write_tensor(builder, tensor) for tensor in self._tensors])
        operations = _vector(
            builder, [_write_operation(builder, operators, op) for op in self._operations]
        )
        parts = (tensors, _integers(builder, inputs), _integers(builder, outputs), operations)
        return _table(builder, {i: ("UOffsetTRelative", part) for i, part in enumerate(parts)})


def _operator_code(builder: flatbuffers.Builder, operator: Operator, version: int) -> int:
    # Source: schema.fbs, OperatorCode: numbers below 127 are written to both fields.
    return _table(builder, {0: ("Int8", operator), 2: ("Int32", version), 3: ("Int32", operator)})


def _write_tensor(builder: flatbuffers.Builder, tensor: Tensor) -> int:
    name, shape = builder.CreateString(tensor.name), _integers(builder, tensor.shape)
    fields: dict[int, tuple[str, float]] = {
        0: ("UOffsetTRelative", shape),
        1: ("Int8", tensor.type_number),
        2: ("Uint32", tensor.buffer),
        3: ("UOffsetTRelative", name),
    }
    if tensor.quantisation is not None:
        written = _quantisation(builder, tensor.quantisation)
        fields[_QUANTIZATION_SLOT] = ("UOffsetTRelative", written)
    return _table(builder, fields)


def _quantisation(builder: flatbuffers.Builder, quantisation: Quantisation) -> int:
    """Write scales and zeros; the first axis is the schema's default."""
    scales = int(builder.CreateNumpyVector(np.asarray(quantisation.scales, "<f4")))
    zeros = int(builder.CreateNumpyVector(np.asarray(quantisation.zeros, "<i8")))
    fields = {2: ("UOffsetTRelative", scales), 3: ("UOffsetTRelative", zeros)}
    if quantisation.axis:
        fields[_AXIS_SLOT] = ("Int32", quantisation.axis)
    return _table(builder, fields)


def _write_operation(
    builder: flatbuffers.Builder, operators: list[tuple[Operator, int]], operation: Operation
) -> int:
    fields: dict[int, tuple[str, float]] = {
        0: ("Uint32", operators.index((operation.operator, operation.version))),
        1: ("UOffsetTRelative", _integers(builder, operation.inputs)),
        2: ("UOffsetTRelative", _integers(builder, operation.outputs)),
    }
    if operation.options is not None:
        fields[3] = ("Uint8", operation.options.number)
        fields[4] = ("UOffsetTRelative", _table(builder, operation.options.fields))
    return _table(builder, fields)


def _buffer(builder: flatbuffers.Builder, data: bytes) -> int:
    if not data:
        return _table(builder, {})
    builder.Prep(_BUFFER_ALIGNMENT, len(data))
    return _table(builder, {0: ("UOffsetTRelative", builder.CreateByteVector(data))})


def _table(builder: flatbuffers.Builder, fields: Mapping[int, tuple[str, float]]) -> int:
    """Write a table of fields by slot; offsets in it must already be written."""
    builder.StartObject(max(fields, default=-1) + 1)
    for slot, (kind, value) in fields.items():
        # No field here has its schema's default as a value worth leaving out, hence None.
        getattr(builder, f"Prepend{kind}Slot")(slot, value, _default(kind))
    return int(builder.EndObject())


def _default(kind: str) -> int | None:
    return 0 if kind == "UOffsetTRelative" else None


def _integers(builder: flatbuffers.Builder, values: Sequence[int]) -> int:
    return int(builder.CreateNumpyVector(np.asarray(values, "<i4")))


def _vector(builder: flatbuffers.Builder, offsets: list[int]) -> int:
    builder.StartVector(number_types.UOffsetTFlags.bytewidth, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())
