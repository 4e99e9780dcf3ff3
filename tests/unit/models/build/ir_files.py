"""Writes small networks as OpenVINO IR and computes them by hand, NCHW, float64."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = NDArray[Any]


@dataclass
class IRFile:
    """One network being written; a layer is named by its number.

    Attributes:
        shapes: of the layers so far.
    """

    root: ET.Element = field(default_factory=lambda: ET.Element("net", name="small", version="11"))
    weights: bytes = b""
    shapes: list[tuple[int, ...]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._layers = ET.SubElement(self.root, "layers")
        self._edges = ET.SubElement(self.root, "edges")

    @property
    def xml(self) -> bytes:
        return ET.tostring(self.root)

    def layer(
        self,
        kind: str,
        output: Sequence[int],
        inputs: Sequence[int] = (),
        **data: str,
    ) -> int:
        """Add a layer; returns its number."""
        number = len(self.shapes)
        layer = ET.SubElement(
            self._layers, "layer", id=str(number), name=f"{kind}_{number}", type=kind
        )
        ET.SubElement(layer, "data", data)
        taken = ET.SubElement(layer, "input")
        for port, source in enumerate(inputs):
            ET.SubElement(taken, "port", id=str(port))
            edge = {"from-layer": str(source), "from-port": "9"}
            ET.SubElement(
                self._edges, "edge", edge | {"to-layer": str(number), "to-port": str(port)}
            )
        if kind != "Result":
            port9 = ET.SubElement(ET.SubElement(layer, "output"), "port", id="9")
            for side in output:
                ET.SubElement(port9, "dim").text = str(side)
        self.shapes.append(tuple(output))
        return number

    def constant(self, values: Array, *, is_half: bool = True) -> int:
        """Add a constant, as float16 behind a Convert or as float32."""
        stored = np.ascontiguousarray(values, "<f2" if is_half else "<f4")
        number = self.layer(
            "Const",
            values.shape,
            element_type="f16" if is_half else "f32",
            shape=", ".join(map(str, values.shape)),
            offset=str(len(self.weights)),
            size=str(stored.nbytes),
        )
        self.weights += stored.tobytes()
        return self.layer("Convert", values.shape, [number]) if is_half else number

    def convolution(
        self,
        source: int,
        kernel: Array,
        *,
        stride: int = 1,
        pads: tuple[int, int] = (0, 0),
        bias: Array | None = None,
    ) -> int:
        """Add a convolution, grouped if the kernel has five dimensions, and its bias.

        Args:
            pads: before and behind, on both axes.
        """
        _, _, height, width = self.shapes[source]
        outputs = kernel.shape[0] * (kernel.shape[1] if kernel.ndim == 5 else 1)
        sides = [
            (side + sum(pads) - k) // stride + 1
            for side, k in zip((height, width), kernel.shape[-2:], strict=True)
        ]
        number = self.layer(
            "GroupConvolution" if kernel.ndim == 5 else "Convolution",
            (1, outputs, *sides),
            [source, self.constant(kernel)],
            strides=f"{stride}, {stride}",
            dilations="1, 1",
            pads_begin=f"{pads[0]}, {pads[0]}",
            pads_end=f"{pads[1]}, {pads[1]}",
            auto_pad="explicit",
        )
        if bias is None:
            return number
        return self.two("Add", number, self.constant(bias.reshape(1, -1, 1, 1)))

    def two(self, kind: str, first: int, second: int) -> int:
        """Add an operation on two maps, or on a map and a constant; the first is the larger."""
        return self.layer(kind, self.shapes[first], [first, second], auto_broadcast="numpy")

    def global_average(self, source: int) -> int:
        _, depth, height, width = self.shapes[source]
        return self.layer(
            "AvgPool",
            (1, depth, 1, 1),
            [source],
            kernel=f"{height}, {width}",
            strides=f"{height}, {width}",
            pads_begin="0, 0",
            pads_end="0, 0",
        )


def convolve(
    maps: Array,
    kernel: Array,
    *,
    stride: int = 1,
    pads: tuple[int, int] = (0, 0),
    bias: Array | None = None,
) -> Array:
    """What `IRFile.convolution` means.

    Args:
        maps: (C, H, W).
        kernel: as the IR has it, 4 or 5 dimensions.
    """
    padded = np.pad(maps.astype(np.float64), ((0, 0), pads, pads))
    sides = kernel.shape[-2], kernel.shape[-1]
    windows: Array = np.lib.stride_tricks.sliding_window_view(padded, sides, axis=(1, 2))  # type: ignore[call-overload]  # numpy's stub knows no tuple
    windows = windows[:, ::stride, ::stride]
    if kernel.ndim == 4:
        answer = np.einsum("cyxij,ocij->oyx", windows, kernel)
    else:
        answer = np.einsum("cyxij,cmij->cmyx", windows, kernel[:, :, 0])
        answer = answer.reshape(-1, *answer.shape[2:])
    return np.asarray(answer if bias is None else answer + bias.reshape(-1, 1, 1))


def prelu(maps: Array, slopes: Array) -> Array:
    return np.where(maps > 0, maps, maps * slopes.reshape(-1, 1, 1))


def sigmoid(maps: Array) -> Array:
    return np.asarray((1 + np.tanh(maps / 2)) / 2)
