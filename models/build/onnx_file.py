"""Reads a network in an ONNX file: its operations in order, and its constants as arrays.

Our own small reader: the package `onnx` would raise protobuf for everything else, and brings far
more than a machine needs that installs one network.

Source: onnx.proto of ONNX 1.17 (field numbers), IR version 6 to 10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from models.build.protobuf import WireMessage
from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Set

    from numpy.typing import NDArray

_MAX_BYTES = 64 * 1024 * 1024
_MAX_NODES = 2_000
_MAX_RANK = 8
_MAX_SIDE = 1_000_000
# Source: onnx.proto, TensorProto.DataType.
_FLOAT, _INT8, _INT64 = 1, 3, 7
_TYPES: dict[int, np.dtype[Any]] = {
    _FLOAT: np.dtype("<f4"),
    _INT8: np.dtype("i1"),
    _INT64: np.dtype("<i8"),
}
# Source: onnx.proto, AttributeProto.AttributeType.
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_TENSOR, _ATTRIBUTE_INTS = 1, 2, 4, 7


@dataclass(frozen=True)
class OnnxNode:
    """One operation of one output.

    Attributes:
        kind: the operation, such as `Conv`.
        name: of its output, which also names the operation in messages.
        inputs: names of outputs, constants or the network's input.
        numbers: attributes that are one number.
        lists: attributes that are several whole numbers.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    numbers: Mapping[str, float]
    lists: Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class OnnxNetwork:
    """A graph of one float32 input and one output.

    Attributes:
        input_name: of the one input that is not a constant.
        input_shape: of it.
        output_name: of the one output.
        nodes: in the file's order; what `Constant` gives is among the constants instead.
        constants: float32, int8 or int64 arrays by name; their numbers are finite.
    """

    input_name: str
    input_shape: tuple[int, ...]
    output_name: str
    nodes: tuple[OnnxNode, ...]
    constants: Mapping[str, NDArray[Any]]


def read_onnx(content: bytes) -> OnnxNetwork:
    """Read a network. Arrays are views of the content.

    Args:
        content: of the file. Hostile bytes are refused; check its digest first all the same.

    Raises:
        ConversionError: damaged, truncated, too large, or not a network of one input and one
            output; or it holds something that is not known here.
    """
    if len(content) > _MAX_BYTES:
        raise ConversionError(f"the ONNX file is larger than {_MAX_BYTES} bytes")
    graph = WireMessage(memoryview(content)).message(7)
    constants = dict(_tensor(message) for message in graph.messages(5))
    nodes: list[OnnxNode] = []
    messages = graph.messages(1)
    if not 0 < len(messages) <= _MAX_NODES:
        raise ConversionError(f"the ONNX file has {len(messages)} operations")
    for message in messages:
        if message.text(4) == "Constant":
            constants[_only_output(message)] = _constant(message)
        else:
            nodes.append(_node(message))
    used = {name for node in nodes for name in node.inputs}
    input_name, input_shape = _input(graph, used - constants.keys())
    outputs = [message.text(1) for message in graph.messages(12)]
    if len(outputs) != 1:
        raise ConversionError(f"the network has {len(outputs)} outputs, not 1")
    return OnnxNetwork(input_name, input_shape, outputs[0], tuple(nodes), constants)


def _input(graph: WireMessage, wanted: Set[str]) -> tuple[str, tuple[int, ...]]:
    """Find the one input that is computed with: files may list constants among the inputs."""
    taken = [one for one in graph.messages(11) if one.text(1) in wanted]
    if len(taken) != 1:
        raise ConversionError(f"the network has {len(taken)} inputs, not 1")
    tensor = taken[0].message(2).message(1)
    if tensor.integer(1) != _FLOAT:
        raise ConversionError("the network's input is not float32")
    sides = tuple(side.integer(1) for side in tensor.message(2).messages(1))
    return taken[0].text(1), _checked_shape("the input", sides)


def _checked_shape(what: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Refuse empty and huge arrays; a single number has no sides."""
    if len(shape) > _MAX_RANK or any(not 0 < side <= _MAX_SIDE for side in shape):
        raise ConversionError(f"{what} has the odd shape {list(shape[:_MAX_RANK])}")
    return shape


def _tensor(message: WireMessage) -> tuple[str, NDArray[Any]]:
    """Read a TensorProto: its name and its values."""
    name = message.text(8)
    shape = _checked_shape(f"the constant {name}", tuple(message.integers(1)))
    dtype = _TYPES.get(message.integer(2))
    if dtype is None:
        raise ConversionError(f"the constant {name} is neither float32, int8 nor int64")
    if message.messages(13) or message.integer(14):
        raise ConversionError(f"the constant {name} lies in another file")
    values = _values(message, dtype, name)
    if len(values) != math.prod(shape):
        raise ConversionError(f"the constant {name} has {len(values)} values for {list(shape)}")
    if dtype.kind == "f" and not np.isfinite(values).all():
        raise ConversionError(f"the constant {name} holds values that are not finite")
    return name, values.reshape(shape)


def _values(message: WireMessage, dtype: np.dtype[Any], name: str) -> NDArray[Any]:
    raw = message.data(9)
    if raw is not None:
        if len(raw) % dtype.itemsize:
            raise ConversionError(f"the constant {name} ends too early")
        return np.frombuffer(raw, dtype)
    if dtype.kind == "f":
        return message.floats(4)
    raise ConversionError(f"the constant {name} is not stored as raw bytes")


def _node(message: WireMessage) -> OnnxNode:
    numbers: dict[str, float] = {}
    lists: dict[str, tuple[int, ...]] = {}
    for attribute in message.messages(5):
        name, kind = attribute.text(1), attribute.integer(20)
        if kind == _ATTRIBUTE_FLOAT:
            numbers[name] = attribute.single(2)
        elif kind == _ATTRIBUTE_INT:
            numbers[name] = attribute.integer(3)
        elif kind == _ATTRIBUTE_INTS:
            lists[name] = tuple(attribute.integers(8))
        else:
            raise ConversionError(f"the attribute {name} of {message.text(3)} is not known")
    # An empty domain is ONNX's own.
    operation = ".".join(part for part in (message.text(7), message.text(4)) if part)
    return OnnxNode(operation, _only_output(message), tuple(message.texts(1)), numbers, lists)


def _constant(message: WireMessage) -> NDArray[Any]:
    for attribute in message.messages(5):
        if attribute.text(1) == "value" and attribute.integer(20) == _ATTRIBUTE_TENSOR:
            return _tensor(attribute.message(5))[1]
    raise ConversionError(f"the constant {_only_output(message)} has no value")


def _only_output(message: WireMessage) -> str:
    outputs = message.texts(2)
    if len(outputs) != 1 or not outputs[0]:
        raise ConversionError(f"the operation {message.text(3)} has {len(outputs)} outputs, not 1")
    return outputs[0]
