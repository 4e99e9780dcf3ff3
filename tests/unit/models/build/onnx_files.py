"""Writes small networks as ONNX files, byte by byte, with a protobuf writer for these tests."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[Any]
_DATA_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int64": 7}


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def number(at: int, value: int) -> bytes:
    return varint(at << 3) + varint(value)


def blob(at: int, content: bytes | str) -> bytes:
    data = content.encode() if isinstance(content, str) else content
    return varint(at << 3 | 2) + varint(len(data)) + data


def tensor(name: str, values: Array, *, is_raw: bool = True) -> bytes:
    """A TensorProto; float values may lie in `float_data` instead of in raw bytes."""
    dims = b"".join(number(1, side) for side in values.shape)
    data = blob(9, values.tobytes()) if is_raw else blob(4, values.astype("<f4").tobytes())
    return dims + number(2, _DATA_TYPES[str(values.dtype)]) + blob(8, name) + data


def value_info(name: str, shape: Sequence[int], kind: int = 1) -> bytes:
    sides = b"".join(blob(1, number(1, side)) for side in shape)
    return blob(1, name) + blob(2, blob(1, number(1, kind) + blob(2, sides)))


def attribute(name: str, value: float | Sequence[int] | bytes) -> bytes:
    """An AttributeProto; bytes are a tensor."""
    if isinstance(value, bytes):
        written = blob(5, value) + number(20, 4)
    elif isinstance(value, int):
        written = number(3, value) + number(20, 2)
    elif isinstance(value, float):
        written = varint(2 << 3 | 5) + struct.pack("<f", value) + number(20, 1)
    else:
        written = b"".join(number(8, one) for one in value) + number(20, 7)
    return blob(1, name) + written


@dataclass
class OnnxFile:
    """One network being written: a chain, unless inputs are given."""

    input_shape: Sequence[int]
    nodes: list[bytes] = field(default_factory=list)
    constants: list[bytes] = field(default_factory=list)
    inputs: list[bytes] = field(default_factory=list)
    last: str = "data"
    output: str | None = None

    def constant(self, name: str, values: Array, *, is_raw: bool = True) -> str:
        self.constants.append(blob(5, tensor(name, values, is_raw=is_raw)))
        self.inputs.append(blob(11, value_info(name, values.shape)))
        return name

    def node(
        self,
        kind: str,
        output: str,
        inputs: Sequence[str],
        **attributes: float | Sequence[int] | bytes,
    ) -> str:
        """Add an operation; returns the name of its output."""
        written = b"".join(blob(1, name) for name in inputs) + blob(2, output) + blob(4, kind)
        for name, value in attributes.items():
            written += blob(5, attribute(name, value))
        self.nodes.append(blob(1, written))
        return output

    def follow(
        self,
        kind: str,
        output: str,
        *constants: str,
        **attributes: float | Sequence[int] | bytes,
    ) -> str:
        """Add an operation on what the last one gave."""
        self.last = self.node(kind, output, [self.last, *constants], **attributes)
        return self.last

    def blocks(self, name: str, rows: Array, scales: Array, zeros: Array, block: int) -> str:
        """Add int8 rows with a scale and a zero for each block; returns what widens them."""
        inputs = [
            self.constant(f"{name} int8", rows.astype(np.int8)),
            self.constant(f"{name} scales", scales.astype(np.float32)),
            self.constant(f"{name} zeros", zeros.astype(np.int8)),
        ]
        return self.node("DequantizeLinear", f"{name} wide", inputs, axis=1, block_size=block)

    def reshaped(self, name: str, source: str, shape: Sequence[int]) -> str:
        sides = self.constant(f"{name} shape", np.array(shape, np.int64))
        return self.node("Reshape", name, [source, sides])

    def normalised(self, name: str, vectors: Sequence[Array], epsilon: float) -> str:
        """Follow with a batch normalisation: gamma, beta, mean and variance."""
        parts = ("gamma", "beta", "mean", "variance")
        constants = [
            self.constant(f"{name} {part}", values.astype(np.float32), is_raw=False)
            for part, values in zip(parts, vectors, strict=True)
        ]
        return self.follow("BatchNormalization", name, *constants, epsilon=epsilon)

    @property
    def content(self) -> bytes:
        taken = blob(11, value_info("data", self.input_shape))
        given = blob(12, value_info(self.output or self.last, (1, 1)))
        parts = (*self.nodes, *self.constants, taken, *self.inputs, given)
        return number(1, 6) + blob(7, b"".join(parts)) + blob(8, number(2, 21))
