"""Brings the channels of each map to similar ranges, so that 8 bits do for all of them.

A channel divided by a positive number before a PReLU and multiplied by it in the next convolution
leaves the network what it was ("cross-layer equalisation", Nagel et al., 2019, arXiv 1906.04721).
Powers of two keep every float the same bit for bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.build.ir import Network
from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from models.build.ir import FloatArray, Node

    Shifts = Mapping[str, Sequence[int]]

_CONVOLUTIONS = ("Convolution", "GroupConvolution")
# How much of the difference between channels is taken away. A depthwise kernel has a scale per
# channel and loses nothing; a dense one shares its scale among the channels that it sums.
# Source: docs/measurements/sface.md, tried on faces that the ranges never saw.
_DEPTHWISE_SHARE, _DENSE_SHARE = 1.0, 0.75
_LARGEST_SHIFT = 10


def find_shifts(network: Network, largest: Mapping[str, NDArray[np.float64]]) -> Shifts:
    """Choose what to divide each channel by.

    Args:
        network: a chain.
        largest: by convolution but the last, (C,): largest absolute value of each channel behind
            it.

    Returns:
        By convolution, for each channel the exponent of two to divide it by, within -10 and 10.
    """
    shifts = {}
    for node, following in _pairs(network):
        values = largest[node.name]
        is_depthwise = following.kind == "GroupConvolution"
        share = _DEPTHWISE_SHARE if is_depthwise else _DENSE_SHARE
        middle = float(np.median(values[values > 0])) if (values > 0).any() else 1.0
        ratios = np.where(values > 0, values / middle, 1.0)
        exponents = np.rint(share * np.log2(ratios)).clip(-_LARGEST_SHIFT, _LARGEST_SHIFT)
        shifts[node.name] = [int(exponent) for exponent in exponents]
    return shifts


def equalised(network: Network, shifts: Shifts) -> Network:
    """Divide channels by powers of two, and multiply by them in the next convolution.

    Args:
        network: a chain of convolutions with biases and PReLUs.
        shifts: see `find_shifts`.

    Returns:
        A network that computes the same.

    Raises:
        ConversionError: the network is no such chain, or the shifts are another's.
    """
    constants = dict(network.constants)
    for node, following in _pairs(network):
        factors = np.exp2(np.asarray(shifts.get(node.name, ()), np.float32))
        bias = _bias_of(network, node).inputs[1]
        if factors.shape != (constants[bias].size,):
            raise ConversionError(f"the shifts of {node.name} are those of another network")
        kernel, next_kernel = node.inputs[1], following.inputs[1]
        constants[kernel] = _along(constants[kernel], 1 / factors, axis=0)
        constants[bias] = _along(constants[bias], 1 / factors, axis=1)
        axis = 0 if following.kind == "GroupConvolution" else 1
        constants[next_kernel] = _along(constants[next_kernel], factors, axis=axis)
    return Network(network.nodes, constants)


def _pairs(network: Network) -> Iterator[tuple[Node, Node]]:
    """Yield each convolution with the next one; what lies between must keep positive factors."""
    previous: Node | None = None
    for before, node in zip(network.nodes, network.nodes[1:], strict=False):
        if node.inputs[0] != before.id:
            raise ConversionError(f"{node.name} does not follow {before.name}")
        if node.kind in _CONVOLUTIONS:
            if previous is not None:
                yield previous, node
            previous = node
        elif previous is not None and not _keeps_factors(network, node, before):
            raise ConversionError(f"channels cannot be scaled across {node.kind} ({node.name})")


def _keeps_factors(network: Network, node: Node, before: Node) -> bool:
    is_bias = node.kind == "Add" and before.kind in _CONVOLUTIONS
    return (node.kind == "PReLU" or is_bias) and node.inputs[1] in network.constants


def _bias_of(network: Network, convolution: Node) -> Node:
    for node in network.nodes:
        if node.kind == "Add" and node.inputs[0] == convolution.id:
            return node
    raise ConversionError(f"the convolution {convolution.name} has no bias")


def _along(values: FloatArray, factors: NDArray[np.float32], *, axis: int) -> FloatArray:
    shape = [1] * values.ndim
    shape[axis] = -1
    return np.asarray(values * factors.reshape(shape), np.float32)
