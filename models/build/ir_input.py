"""Takes the scale and shift at a network's input out of it, for the model card to hold.

The pipeline normalises pictures through one table anyway, so that there it costs nothing; inside
the network it took 0.2 ms of 4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from models.build.ir import Network
from models.errors import ConversionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from models.build.ir import FloatArray, Node


@dataclass(frozen=True)
class Normalisation:
    """What the network does to its input first: `(value - mean) / scale`, per channel.

    Attributes:
        mean: (C,) float64.
        scale: (C,) float64.
    """

    mean: NDArray[np.float64]
    scale: NDArray[np.float64]


def split_normalisation(network: Network) -> tuple[Network, Normalisation]:
    """Take a leading Multiply and Add by one number a channel out of a network.

    Returns:
        The network behind them, and what they do; zero and one where it has none.

    Raises:
        ConversionError: the network multiplies its input by zero.
    """
    taken = network.nodes[0]
    if len(taken.shape) != 4:
        raise ConversionError(f"the input {taken.shape} is no picture")
    depth = taken.shape[1]
    factor, network = _split_first(network, "Multiply", np.ones(depth))
    shift, network = _split_first(network, "Add", np.zeros(depth))
    if not factor.all():
        raise ConversionError("the network multiplies its input by zero")
    # x * factor + shift; adding zero turns -0.0 into 0.0.
    return network, Normalisation(mean=-shift / factor + 0.0, scale=1 / factor)


def _split_first(
    network: Network, kind: str, neutral: NDArray[np.float64]
) -> tuple[NDArray[np.float64], Network]:
    """Remove the first operation if it is of a kind and all that uses the input."""
    taken = network.nodes[0]
    users = [node for node in network.nodes if taken.id in node.inputs]
    if len(users) != 1 or users[0].kind != kind or len(users[0].inputs) != 2:
        return neutral, network
    vector = _vector(network, users[0], len(neutral))
    if vector is None:
        return neutral, network
    rest = [_reconnected(node, users[0], taken) for node in network.nodes if node is not users[0]]
    return vector.astype(np.float64), Network(tuple(rest), network.constants)


def _vector(network: Network, node: Node, depth: int) -> FloatArray | None:
    values = network.constants.get(node.inputs[1])
    return values.ravel() if values is not None and values.shape == (1, depth, 1, 1) else None


def _reconnected(node: Node, old: Node, new: Node) -> Node:
    return replace(node, inputs=tuple(new.id if id_ == old.id else id_ for id_ in node.inputs))
