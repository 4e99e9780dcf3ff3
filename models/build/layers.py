"""The layers that a folded network consists of, float64, and how they become a `Network`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.build.ir import Network, Node
from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.build.ir import FloatArray

Floats = NDArray[np.float64]


@dataclass
class Convolution:
    """A convolution with its bias.

    Attributes:
        name: of the operation in its file.
        kernel: (O, I / groups, H, W).
        bias: (O,).
        groups: 1, or as many as input channels.
        strides: y, x.
        pads: top, left, bottom, right.
    """

    name: str
    kernel: Floats
    bias: Floats
    groups: int
    strides: tuple[int, int]
    pads: tuple[int, int, int, int]

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return (O, H, W) for an input of (I, H, W)."""
        top, left, bottom, right = self.pads
        padded = (shape[1] + top + bottom, shape[2] + left + right)
        sides = [
            (side - size) // stride + 1
            for side, size, stride in zip(padded, self.kernel.shape[2:], self.strides, strict=True)
        ]
        return (len(self.kernel), *sides)

    def scale(self, factor: Floats, shift: Floats) -> None:
        """Multiply and shift the output, by channel; both (O,)."""
        self.kernel = self.kernel * factor[:, None, None, None]
        self.bias = self.bias * factor + shift


@dataclass(frozen=True)
class PReLU:
    """x where x > 0, else x * slope; slopes (C,)."""

    name: str
    slopes: Floats


@dataclass(frozen=True)
class Affine:
    """x * factor + shift, by channel."""

    factor: Floats
    shift: Floats


def to_network(
    name: str, shape: tuple[int, ...], scaling: Affine | None, layers: Sequence[Convolution | PReLU]
) -> Network:
    """Write a chain of layers as the translator wants it.

    Args:
        name: of the input.
        shape: of the input, (1, C, H, W).
        scaling: of the input, before the first layer.
        layers: in order.

    Raises:
        ConversionError: a weight is not finite as float32.
    """
    writer = _Writer(name, shape)
    if scaling is not None:
        writer.per_channel("Multiply", "input factor", scaling.factor)
        writer.per_channel("Add", "input shift", scaling.shift)
    for layer in layers:
        if isinstance(layer, PReLU):
            writer.per_channel("PReLU", layer.name, layer.slopes)
        else:
            writer.convolution(layer)
    return Network(tuple(writer.nodes), writer.constants)


class _Writer:
    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        self._shape = shape
        self.nodes = [Node(name, name, "Parameter", {}, (), self._shape)]
        self.constants: dict[str, FloatArray] = {}

    def convolution(self, layer: Convolution) -> None:
        kernel = layer.kernel
        top, left, bottom, right = layer.pads
        strides = layer.strides
        self._shape = (1, *layer.output_shape(self._shape[1:]))
        attributes = {
            "strides": f"{strides[0]}, {strides[1]}",
            "dilations": "1, 1",
            "pads_begin": f"{top}, {left}",
            "pads_end": f"{bottom}, {right}",
        }
        is_grouped = layer.groups > 1
        kind = "GroupConvolution" if is_grouped else "Convolution"
        self._add(kind, layer.name, kernel[:, None] if is_grouped else kernel, attributes)
        self.per_channel("Add", f"{layer.name} bias", layer.bias)

    def per_channel(self, kind: str, name: str, values: Floats) -> None:
        self._add(kind, name, values.reshape(1, -1, 1, 1), {})

    def _add(self, kind: str, name: str, values: Floats, attributes: Mapping[str, str]) -> None:
        constant = f"{name} values"
        rounded = values.astype(np.float32)
        if not np.isfinite(rounded).all():
            raise ConversionError(f"the weights of {name} are not finite once folded")
        self.constants[constant] = rounded
        inputs = (self.nodes[-1].id, constant)
        self.nodes.append(Node(name, name, kind, attributes, inputs, self._shape))
