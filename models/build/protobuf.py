"""Reads protobuf messages field by field, without a schema and without the package protobuf.

Nothing is copied: what a field holds is a view of the file. Every length is checked against what is
there, so a damaged file costs no more memory than its own size.

Source: protobuf.dev, "Encoding".
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Value: TypeAlias = int | memoryview
"""A number for the wire types varint; the bytes for all others."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_SIZES = {_FIXED64: 8, _FIXED32: 4}
_MAX_VARINT_BYTES = 10
_SIGN = 1 << 63
# No message of a network that we read has more than a few hundred.
_MAX_FIELDS = 20_000


class WireMessage:
    """The fields of one message, by number, each in the file's order."""

    def __init__(self, content: memoryview) -> None:
        """Read the fields; nested messages stay bytes.

        Args:
            content: of the message alone.

        Raises:
            ConversionError: damaged, truncated, or of too many fields.
        """
        self._fields: dict[int, list[Value]] = {}
        for count, (number, value) in enumerate(_fields(content)):
            if count >= _MAX_FIELDS:
                raise ConversionError(f"the ONNX file has a message of over {_MAX_FIELDS} fields")
            self._fields.setdefault(number, []).append(value)

    def messages(self, number: int) -> list[WireMessage]:
        """Return the nested messages in a field."""
        return [WireMessage(value) for value in self._all_bytes(number)]

    def message(self, number: int) -> WireMessage:
        """Return the nested message in a field; an empty one where the field is missing."""
        found = self.messages(number)
        return found[-1] if found else WireMessage(memoryview(b""))

    def texts(self, number: int) -> list[str]:
        """Return the strings in a field."""
        try:
            return [str(value, "utf-8") for value in self._all_bytes(number)]
        except UnicodeDecodeError as error:
            raise ConversionError("the ONNX file has a name that is not UTF-8") from error

    def text(self, number: int) -> str:
        """Return the string in a field; an empty one where the field is missing."""
        return (self.texts(number) or [""])[-1]

    def data(self, number: int) -> memoryview | None:
        """Return the bytes in a field; None where it is missing."""
        found = self._all_bytes(number)
        return found[-1] if found else None

    def integers(self, number: int) -> list[int]:
        """Return the signed numbers in a field, packed or not."""
        found: list[int] = []
        for value in self._fields.get(number, []):
            found += [value] if isinstance(value, int) else _packed(value)
            if len(found) > _MAX_FIELDS:
                raise ConversionError(f"the ONNX file has a list of over {_MAX_FIELDS} numbers")
        return [one - (1 << 64) if one & _SIGN else one for one in found]

    def integer(self, number: int) -> int:
        """Return the signed number in a field; zero where the field is missing."""
        return (self.integers(number) or [0])[-1]

    def floats(self, number: int) -> NDArray[np.float32]:
        """Return the float32 numbers in a field, packed or not."""
        joined = b"".join(self._all_bytes(number))
        if len(joined) % 4:
            raise ConversionError("the ONNX file has numbers that end too early")
        return np.frombuffer(joined, "<f4")

    def single(self, number: int) -> float:
        """Return the float32 number in a field; zero where the field is missing."""
        value = self.data(number)
        if value is None:
            return 0.0
        if len(value) != 4:
            raise ConversionError("the ONNX file has a number of another size")
        return float(struct.unpack("<f", value)[0])

    def _all_bytes(self, number: int) -> list[memoryview]:
        values = self._fields.get(number, [])
        found = [value for value in values if isinstance(value, memoryview)]
        if len(found) != len(values):
            raise ConversionError(f"the ONNX file has a number in field {number}")
        return found


def _fields(content: memoryview) -> Iterator[tuple[int, Value]]:
    at = 0
    while at < len(content):
        key, at = _varint(content, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(content, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(content, at)
        elif kind in _FIXED_SIZES:
            size = _FIXED_SIZES[kind]
        else:
            raise ConversionError(f"the ONNX file has a field of the unknown wire type {kind}")
        if size > len(content) - at:
            raise ConversionError("the ONNX file ends in the middle of a field")
        yield number, content[at : at + size]
        at += size


def _varint(content: memoryview, at: int) -> tuple[int, int]:
    """Read one varint; returns it, below 2^64, and the place behind it."""
    value = 0
    for count, byte in enumerate(content[at : at + _MAX_VARINT_BYTES]):
        value |= (byte & 0x7F) << (7 * count)
        if byte < 0x80:
            return value & ((1 << 64) - 1), at + count + 1
    raise ConversionError("the ONNX file has a number that does not end")


def _packed(content: memoryview) -> list[int]:
    found: list[int] = []
    at = 0
    while at < len(content) and len(found) <= _MAX_FIELDS:
        value, at = _varint(content, at)
        found.append(value)
    return found
