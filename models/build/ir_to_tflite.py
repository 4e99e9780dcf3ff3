"""Translates a network of OpenVINO's IR to TFLite.

The IR's maps are NCHW, TFLite's NHWC. Unless kernels are to be rounded, every constant keeps the
value it has in the IR: what was float16 there is float16 here, and the runtime widens it once, when
it opens the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.build import tflite_file as tflite
from models.build.ir_input import split_normalisation
from models.build.kernel_storage import KernelStorage, exact_constant, store_bias, store_kernel
from models.build.tflite_file import Operator, Padding, TFLiteFile
from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.build.ir import FloatArray, Network, Node
    from models.build.ir_input import Normalisation

_MAP_RANK = 4
_INPUTS = {"Sigmoid": 1, "AvgPool": 1}


def to_tflite(
    network: Network, description: str, storage: KernelStorage = KernelStorage.EXACT
) -> tuple[bytes, Normalisation]:
    """Translate a network.

    Args:
        network: of one NCHW picture a call; its output is one vector, (1, D, 1, 1) or (1, D).
        description: written into the file.
        storage: of the weights of convolutions.

    Returns:
        A TFLite file, (1, H, W, C) float32 -> (1, D) float32, the same bytes for the same network;
        and what has to be done to the network's input before, which the file does not do.

    Raises:
        ConversionError: the network has an operation, or a form of one, that is not known here.
    """
    network, normalisation = split_normalisation(network)
    return _Translation(network, description, storage).content(), normalisation


def maps_to_tflite(network: Network, description: str) -> tuple[bytes, tuple[str, ...]]:
    """Translate a network so that its file gives every map, in order, to measure ranges with.

    Args:
        network: see `to_tflite`; it must not scale its input.
        description: written into the file.

    Returns:
        A TFLite file, and the names of the nodes that give its outputs; each (1, H, W, C) float32.
    """
    return _Translation(network, description, KernelStorage.EXACT).maps()


class _Translation:
    def __init__(self, network: Network, description: str, storage: KernelStorage) -> None:
        self._network = network
        self._storage = storage
        self._file = TFLiteFile(description)
        self._indices: dict[str, int] = {}
        self._biases = _biases(network)
        self._translators: dict[str, Callable[[Node], int]] = {
            "Convolution": self._convolution,
            "GroupConvolution": self._depthwise,
            "Add": self._add,
            "Multiply": self._multiply,
            "PReLU": self._prelu,
            "Sigmoid": self._sigmoid,
            "AvgPool": self._global_average,
        }

    def content(self) -> bytes:
        taken = self._translated()
        return self._file.content([taken], [self._vector(self._network.nodes[-1])])

    def maps(self) -> tuple[bytes, tuple[str, ...]]:
        taken = self._translated()
        # A convolution and the addition of its bias give one map.
        names = {self._indices[node.id]: node.name for node in self._network.nodes[1:]}
        return self._file.content([taken], [*names]), tuple(names.values())

    def _translated(self) -> int:
        first, *rest = self._network.nodes
        taken = self._indices[first.id] = self._file.tensor(first.name, _nhwc(first))
        for node in rest:
            if node.kind not in self._translators:
                raise ConversionError(f"the operation {node.kind} ({node.name}) is not known")
            if len(node.inputs) != _INPUTS.get(node.kind, 2):
                raise ConversionError(f"{node.name} has {len(node.inputs)} inputs")
            self._indices[node.id] = self._translators[node.kind](node)
        return taken

    def _vector(self, node: Node) -> int:
        """Drop the map's height and width, which are 1."""
        height, width, depth = _nhwc(node)[1:]
        if (height, width) != (1, 1):
            raise ConversionError(f"the output {node.shape} is no vector")
        shape = np.array([1, depth], np.int32)
        inputs = [self._indices[node.id], self._file.constant("vector shape", shape)]
        output = self._file.tensor("embedding", (1, depth))
        return self._file.operation(Operator.RESHAPE, inputs, output, tflite.RESHAPE_OPTIONS)

    def _convolution(self, node: Node) -> int:
        weights = self._weights(node, rank=4)
        outputs, inputs = weights.shape[:2]
        if inputs != self._depth_of(node.inputs[0]):
            raise ConversionError(f"the kernel of {node.name} does not fit its input")
        padding, source = self._padded(node, weights.shape[2:])
        options = tflite.conv_options(padding, _stride(node))
        kernel = weights.transpose(0, 2, 3, 1)
        return self._filtered(Operator.CONV_2D, node, source, kernel, outputs, options)

    def _depthwise(self, node: Node) -> int:
        weights = self._weights(node, rank=5)
        groups, multiplier, inputs, height, width = weights.shape
        if inputs != 1 or groups != self._depth_of(node.inputs[0]):
            raise ConversionError(f"the group convolution {node.name} is not depthwise")
        padding, source = self._padded(node, (height, width))
        options = tflite.depthwise_options(padding, _stride(node), multiplier)
        outputs = groups * multiplier
        kernel = weights.reshape(1, outputs, height, width).transpose(0, 2, 3, 1)
        return self._filtered(Operator.DEPTHWISE_CONV_2D, node, source, kernel, outputs, options)

    def _filtered(
        self,
        operator: Operator,
        node: Node,
        source: int,
        kernel: FloatArray,
        outputs: int,
        options: tflite.Options,
    ) -> int:
        stored = store_kernel(
            self._file,
            f"{node.name} kernel",
            kernel,
            self._storage,
            is_depthwise=operator is Operator.DEPTHWISE_CONV_2D,
        )
        bias = self._biases.get(node.id, np.zeros(outputs, np.float32))
        stored_bias = store_bias(self._file, f"{node.name} bias", bias, self._storage)
        inputs = [source, stored.index, stored_bias]
        return self._file.operation(
            operator, inputs, self._output(node), options, version=stored.version
        )

    def _padded(self, node: Node, kernel: tuple[int, ...]) -> tuple[Padding, int]:
        """Choose TFLite's padding, with an explicit one before it where it is neither."""
        source = self._map(node.inputs[0])
        begin, end = node.integers("pads_begin"), node.integers("pads_end")
        if node.attributes.get("auto_pad", "explicit") != "explicit":
            raise ConversionError(f"the automatic padding of {node.name} is not known")
        if set(node.integers("dilations")) != {1}:
            raise ConversionError(f"the dilation of {node.name} is not known")
        if not any(begin + end):
            return Padding.VALID, source
        _, height, width, depth = _nhwc(self._node(node.inputs[0]))
        same = [
            _same_padding(*sides)
            for sides in zip((height, width), kernel, _stride(node), strict=True)
        ]
        if [*zip(begin, end, strict=True)] == same:
            return Padding.SAME, source
        amounts = [(0, 0), (begin[0], end[0]), (begin[1], end[1]), (0, 0)]
        inputs = [source, self._file.constant(f"{node.name} pads", np.array(amounts, np.int32))]
        size = (1, height + begin[0] + end[0], width + begin[1] + end[1], depth)
        output = self._file.tensor(f"{node.name} padded", size)
        return Padding.VALID, self._file.operation(Operator.PAD, inputs, output, tflite.PAD_OPTIONS)

    def _add(self, node: Node) -> int:
        if self._is_bias(node):
            # The convolution has added it already.
            return self._map(node.inputs[0])
        return self._elementwise(Operator.ADD, node, tflite.ADD_OPTIONS)

    def _multiply(self, node: Node) -> int:
        return self._elementwise(Operator.MUL, node, tflite.MUL_OPTIONS)

    def _elementwise(self, operator: Operator, node: Node, options: tflite.Options) -> int:
        inputs = [self._operand(node, source) for source in node.inputs]
        return self._file.operation(operator, inputs, self._output(node), options)

    def _operand(self, node: Node, source: str) -> int:
        values = self._network.constants.get(source)
        if values is None:
            return self._map(source)
        return self._constant(f"{node.name} operand", _per_channel(node, values))

    def _prelu(self, node: Node) -> int:
        source, slopes = node.inputs
        if slopes not in self._network.constants:
            raise ConversionError(f"the slope of {node.name} is not constant")
        depth = self._depth_of(source)
        slope = _per_channel(node, self._network.constants[slopes])
        values = np.broadcast_to(slope.ravel(), (1, 1, depth))
        inputs = [self._map(source), self._constant(f"{node.name} slope", values)]
        return self._file.operation(Operator.PRELU, inputs, self._output(node))

    def _sigmoid(self, node: Node) -> int:
        inputs = [self._map(node.inputs[0])]
        return self._file.operation(Operator.LOGISTIC, inputs, self._output(node))

    def _global_average(self, node: Node) -> int:
        _, height, width, _ = _nhwc(self._node(node.inputs[0]))
        pads = node.integers("pads_begin") + node.integers("pads_end")
        if node.integers("kernel") != (height, width) or any(pads):
            raise ConversionError(f"the average pool {node.name} is not over the whole map")
        axes = self._file.constant(f"{node.name} axes", np.array([1, 2], np.int32))
        inputs = [self._map(node.inputs[0]), axes]
        return self._file.operation(
            Operator.MEAN, inputs, self._output(node), tflite.KEEP_DIMS_OPTIONS
        )

    def _constant(self, name: str, values: FloatArray) -> int:
        return exact_constant(self._file, name, values)

    def _output(self, node: Node) -> int:
        return self._file.tensor(node.name, _nhwc(node))

    def _weights(self, node: Node, *, rank: int) -> FloatArray:
        weights = self._network.constants.get(node.inputs[1])
        if weights is None or weights.ndim != rank:
            raise ConversionError(f"the kernel of {node.name} is not constant of rank {rank}")
        return weights

    def _map(self, id_: str) -> int:
        """Index of a computed tensor."""
        if id_ not in self._indices:
            raise ConversionError(f"the constant {id_} stands where a map is expected")
        return self._indices[id_]

    def _node(self, id_: str) -> Node:
        self._map(id_)
        return next(node for node in self._network.nodes if node.id == id_)

    def _depth_of(self, id_: str) -> int:
        return _nhwc(self._node(id_))[3]

    def _is_bias(self, node: Node) -> bool:
        return node.inputs[0] in self._biases and node.inputs[1] in self._network.constants


def _biases(network: Network) -> dict[str, FloatArray]:
    """Find the convolutions whose output only goes through an addition of one vector."""
    kinds = {node.id: node.kind for node in network.nodes}
    users: dict[str, list[Node]] = {}
    for node in network.nodes:
        for source in node.inputs:
            users.setdefault(source, []).append(node)
    biases: dict[str, FloatArray] = {}
    for id_, kind in kinds.items():
        used_by = users.get(id_, [])
        if kind not in ("Convolution", "GroupConvolution") or len(used_by) != 1:
            continue
        add = used_by[0]
        if add.kind == "Add" and add.inputs[1] in network.constants:
            vector = _per_channel(add, network.constants[add.inputs[1]]).ravel()
            biases[id_] = np.array(np.broadcast_to(vector, (_nhwc(add)[3],)))
    return biases


def _per_channel(node: Node, values: FloatArray) -> FloatArray:
    """Bring one number, or one a channel, to NHWC."""
    if values.size not in (1, _nhwc(node)[3]) or values.size != max(values.shape):
        raise ConversionError(f"the constant {values.shape} of {node.name} is not per channel")
    if values.ndim == _MAP_RANK and values.shape[1] != values.size:
        raise ConversionError(f"the constant {values.shape} of {node.name} is not per channel")
    return values.reshape(1, 1, 1, -1)


def _nhwc(node: Node) -> tuple[int, int, int, int]:
    if len(node.shape) != _MAP_RANK or node.shape[0] != 1:
        raise ConversionError(f"{node.name} gives {node.shape}, not one map")
    _, depth, height, width = node.shape
    return 1, height, width, depth


def _stride(node: Node) -> tuple[int, int]:
    stride = node.integers("strides")
    if not all(stride):
        raise ConversionError(f"the stride of {node.name} is zero")
    return stride


def _same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """What TFLite pads before and behind for SAME."""
    total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2
