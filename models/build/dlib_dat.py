"""Reads dlib's face recognition network from its .dat file.

Source: dlib/serialize.h (integers, floats, strings), dlib/cuda/gpu_data.h (tensors), and the
`serialize` functions of con_, affine_ and fc_ in dlib/dnn/layers.h.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

_CONV_TAG = b"con_4"
_AFFINE_TAG = b"affine_"
_FC_TAG = b"fc_2"
_INPUT_TAG = b"input_rgb_image_sized"
_LOSS_TAG = b"loss_metric_2"
# Between two layers that hold numbers lie only version bytes and empty tensors: 60 to 230 bytes
# in the published file. A tag farther off means the file is not what it says.
_MAX_GAP_BYTES = 2048
_MAX_INTEGER_BYTES = 8
_TENSOR_VERSION = 2
# The residual blocks' output channels from the input on; each block has two convolutions.
# Source: `anet_type` in dlib's dnn_face_recognition_ex.cpp.
CHANNELS = (32,) * 3 + (64,) * 4 + (128,) * 3 + (256,) * 4
CONV_COUNT = 1 + 2 * len(CHANNELS)


class DatFormatError(ValueError):
    """The .dat file is truncated, damaged or holds another network."""


@dataclass(frozen=True)
class ConvLayer:
    """One convolution with the affine layer behind it folded in.

    Attributes:
        kernel: (outputs, inputs, height, width) float32.
        bias: (outputs,) float32.
        stride: pixels, the same in both directions.
        padding: zero rows and columns on every side.
    """

    kernel: FloatArray
    bias: FloatArray
    stride: int
    padding: int


@dataclass(frozen=True)
class DlibNetwork:
    """Everything the .dat says about the network, in order from the input on.

    Attributes:
        input_mean_rgb: what dlib subtracts from 0-255 pixels, red, green, blue.
        input_side_px: edge of the square input.
        convs: the convolutions, affine layers folded in.
        projection: (features, dimension) float32, the last fully connected layer, no bias.
    """

    input_mean_rgb: tuple[float, float, float]
    input_side_px: int
    convs: tuple[ConvLayer, ...]
    projection: FloatArray


class _Cursor:
    """Reads dlib's primitives one after another and says where a read failed."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise DatFormatError(
                f"the file ends at byte {len(self._data)}, {count} bytes were expected "
                f"from byte {self._at}"
            )
        chunk = self._data[self._at : end]
        self._at = end
        return chunk

    def integer(self) -> int:
        """One length byte (low 4 bits: bytes, high bit: sign), then little-endian bytes."""
        at = self._at
        control = self.take(1)[0]
        size = control & 0x0F
        if not 1 <= size <= _MAX_INTEGER_BYTES or control & 0x70:
            raise DatFormatError(f"byte {at} is no integer header (0x{control:02x})")
        magnitude = int.from_bytes(self.take(size), "little")
        return -magnitude if control & 0x80 else magnitude

    def float_value(self) -> float:
        """Mantissa and binary exponent, both integers."""
        mantissa = self.integer()
        return float(mantissa) * 2.0 ** self.integer()

    def tensor(self) -> FloatArray:
        """Four dimensions, then raw little-endian float32; returned flat."""
        at = self._at
        version = self.integer()
        if version != _TENSOR_VERSION:
            raise DatFormatError(f"tensor at byte {at} has version {version}, not 2")
        shape = [self.integer() for _ in range(4)]
        if min(shape) < 0:
            raise DatFormatError(f"tensor at byte {at} has a negative dimension")
        count = shape[0] * shape[1] * shape[2] * shape[3]
        values = np.frombuffer(self.take(4 * count), dtype="<f4").astype(np.float32)
        if not np.isfinite(values).all():
            raise DatFormatError(f"tensor at byte {at} holds values that are not finite")
        return values

    def seek(self, tag: bytes) -> None:
        """Move behind the next occurrence of a tag, written as length and characters."""
        marker = struct.pack("BB", 1, len(tag)) + tag
        found = self._data.find(marker, self._at, self._at + _MAX_GAP_BYTES + len(marker))
        if found < 0:
            raise DatFormatError(f"no layer {tag.decode()!r} near byte {self._at}")
        self._at = found + len(marker)


def read_dlib_network(data: bytes) -> DlibNetwork:
    """Read `CONV_COUNT` convolutions, each with its affine layer, and the projection.

    Args:
        data: the whole .dat file.

    Raises:
        DatFormatError: the file is truncated, damaged or another network.
    """
    cursor = _Cursor(data)
    cursor.seek(_LOSS_TAG)
    cursor.seek(_INPUT_TAG)
    mean = (cursor.float_value(), cursor.float_value(), cursor.float_value())
    rows, columns = cursor.integer(), cursor.integer()
    if rows != columns:
        raise DatFormatError(f"the input is {rows}x{columns}, a square was expected")
    convs: list[ConvLayer] = []
    channels = 3
    for _ in range(CONV_COUNT):
        conv = _read_conv(cursor, channels)
        convs.append(_fold_affine(cursor, conv))
        channels = len(conv.bias)
    projection = _read_projection(cursor)
    if projection.shape[0] != channels:
        raise DatFormatError(
            f"the projection takes {projection.shape[0]} features, the network gives {channels}"
        )
    return DlibNetwork(mean, rows, tuple(convs), projection)


def _read_conv(cursor: _Cursor, inputs: int) -> ConvLayer:
    cursor.seek(_CONV_TAG)
    values = cursor.tensor()
    outputs, height, width = cursor.integer(), cursor.integer(), cursor.integer()
    stride_y, stride_x = cursor.integer(), cursor.integer()
    padding_y, padding_x = cursor.integer(), cursor.integer()
    if stride_y != stride_x or padding_y != padding_x:
        raise DatFormatError("a convolution has unequal strides or paddings")
    if len(values) != outputs * (inputs * height * width + 1):
        raise DatFormatError(
            f"a convolution {inputs}->{outputs} of {height}x{width} holds {len(values)} values"
        )
    kernel = values[:-outputs].reshape(outputs, inputs, height, width)
    return ConvLayer(kernel, values[-outputs:], stride_y, padding_y)


def _fold_affine(cursor: _Cursor, conv: ConvLayer) -> ConvLayer:
    """Read the affine layer behind a convolution: y = gamma * conv(x) + beta."""
    cursor.seek(_AFFINE_TAG)
    values = cursor.tensor()
    outputs = len(conv.bias)
    if len(values) != 2 * outputs:
        raise DatFormatError(f"an affine layer of {outputs} channels holds {len(values)} values")
    gamma, beta = values[:outputs], values[outputs:]
    kernel = conv.kernel * gamma[:, None, None, None]
    return ConvLayer(kernel, conv.bias * gamma + beta, conv.stride, conv.padding)


def _read_projection(cursor: _Cursor) -> FloatArray:
    cursor.seek(_FC_TAG)
    outputs, inputs = cursor.integer(), cursor.integer()
    values = cursor.tensor()
    if len(values) != inputs * outputs:
        raise DatFormatError(f"the projection {inputs}->{outputs} holds {len(values)} values")
    return values.reshape(inputs, outputs)
