"""Reads a network in OpenVINO's intermediate representation: an XML graph and a file of weights.

Source: OpenVINO documentation, "Operation sets" and "Model representation"; IR version 10 and 11.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from models.errors import ConversionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FloatArray = NDArray[np.float32]

_VERSIONS = ("10", "11")
_MAX_LAYERS = 10_000
_MAX_SIDE = 65_536
_STORED: dict[str, np.dtype[np.float16] | np.dtype[np.float32]] = {
    "f16": np.dtype("<f2"),
    "f32": np.dtype("<f4"),
}


@dataclass(frozen=True)
class Node:
    """One operation of the network; constants are no nodes, they are in `Network.constants`.

    Attributes:
        name: as the publisher gave it, for messages.
        kind: the operation, such as `Convolution`.
        inputs: ids of nodes or constants, in the operation's order.
        shape: of its one output, NCHW.
    """

    id: str
    name: str
    kind: str
    attributes: Mapping[str, str]
    inputs: tuple[str, ...]
    shape: tuple[int, ...]

    def integers(self, attribute: str) -> tuple[int, int]:
        """Read an attribute such as `1, 1`: two numbers, y and x, not negative.

        Raises:
            ConversionError: it is missing or holds something else.
        """
        parts = self.attributes.get(attribute, "").replace(" ", "").split(",")
        if len(parts) != 2 or not all(part.isdecimal() and len(part) < 6 for part in parts):
            raise ConversionError(f"the layer {self.name} has no usable {attribute}")
        return int(parts[0]), int(parts[1])


@dataclass(frozen=True)
class Network:
    """A graph of one input and one output.

    Attributes:
        nodes: every operation after those it takes values from; the input is the first, the
            output's producer the last.
        constants: float32 arrays by id, in the file's own layout.
    """

    nodes: tuple[Node, ...]
    constants: Mapping[str, FloatArray]


def read_ir(xml: bytes, weights: bytes) -> Network:
    """Read a network.

    Args:
        xml: the `.xml` file. Entities make it refused, but check its digest first all the same.
        weights: the `.bin` file.

    Raises:
        ConversionError: damaged, truncated, or not a network of one input and one output.
    """
    root = _parse(xml)
    if root.tag != "net" or root.get("version") not in _VERSIONS:
        raise ConversionError(f"the XML file is no OpenVINO IR of version {' or '.join(_VERSIONS)}")
    layers = {_text(layer, "id"): layer for layer in root.iterfind("layers/layer")}
    if not 0 < len(layers) <= _MAX_LAYERS:
        raise ConversionError(f"the XML file has {len(layers)} layers")
    sources = _sources(root)
    for producer in (source for sourced in sources.values() for source in sourced.values()):
        if producer not in layers:
            raise ConversionError(f"the XML file has an edge from a layer {producer} without one")
    constants: dict[str, FloatArray] = {}
    nodes: list[Node] = []
    for layer in _ordered(layers, sources):
        kind, inputs = _text(layer, "type"), _inputs(layer, sources)
        if kind == "Const":
            constants[_text(layer, "id")] = _constant(layer, weights)
        elif kind == "Convert" and len(inputs) == 1 and inputs[0] in constants:
            constants[_text(layer, "id")] = constants[inputs[0]]
        elif kind != "Result":
            nodes.append(_node(layer, kind, inputs))
    return Network(_checked(nodes), constants)


def _parse(xml: bytes) -> ET.Element:
    if b"<!" in xml.replace(b"<!--", b""):
        raise ConversionError("the XML file declares entities, which no IR needs")
    try:
        return ET.fromstring(xml)  # noqa: S314 -- entities are refused above
    except ET.ParseError as error:
        raise ConversionError(f"the XML file is damaged: {error}") from error


def _text(element: ET.Element, attribute: str) -> str:
    value = element.get(attribute)
    if value is None:
        raise ConversionError(f"a <{element.tag}> of the XML file has no {attribute}")
    return value


def _sources(root: ET.Element) -> dict[str, dict[int, str]]:
    """Per layer: which layer feeds which of its ports. Operations here have one output each."""
    sources: dict[str, dict[int, str]] = {}
    for edge in root.iterfind("edges/edge"):
        port = _text(edge, "to-port")
        if not port.isdecimal():
            raise ConversionError(f"the XML file has an edge to a port {port}")
        sources.setdefault(_text(edge, "to-layer"), {})[int(port)] = _text(edge, "from-layer")
    return sources


def _inputs(layer: ET.Element, sources: dict[str, dict[int, str]]) -> tuple[str, ...]:
    fed = sources.get(_text(layer, "id"), {})
    expected = len(layer.findall("input/port"))
    if len(fed) != expected:
        raise ConversionError(f"the layer {layer.get('name')} has {len(fed)} of {expected} inputs")
    return tuple(fed[port] for port in sorted(fed))


def _ordered(
    layers: dict[str, ET.Element], sources: dict[str, dict[int, str]]
) -> Iterator[ET.Element]:
    """Give every layer after those that feed it; else in the file's order."""
    done: set[str] = set()
    waiting = dict(layers)
    while waiting:
        ready = [id_ for id_ in waiting if done.issuperset(sources.get(id_, {}).values())]
        if not ready:
            raise ConversionError("the XML file's layers feed each other in a circle")
        for id_ in ready:
            done.add(id_)
            yield waiting.pop(id_)


def _shape_of(layer: ET.Element) -> tuple[int, ...]:
    ports = layer.findall("output/port")
    if len(ports) != 1:
        raise ConversionError(f"the layer {layer.get('name')} has {len(ports)} outputs, not 1")
    return _dimensions(layer, ",".join(dim.text or "" for dim in ports[0].iterfind("dim")))


def _dimensions(layer: ET.Element, text: str) -> tuple[int, ...]:
    try:
        shape = tuple(int(part) for part in text.split(","))
    except ValueError:
        shape = ()
    if not shape or min(shape) < 1 or max(shape) > _MAX_SIDE:
        raise ConversionError(f"the layer {layer.get('name')} has the odd shape [{text}]")
    return shape


def _constant(layer: ET.Element, weights: bytes) -> FloatArray:
    data = layer.find("data")
    if data is None:
        raise ConversionError(f"the constant {layer.get('name')} has no data")
    dtype = _STORED.get(_text(data, "element_type"))
    if dtype is None:
        raise ConversionError(f"the constant {layer.get('name')} is neither f16 nor f32")
    shape = _dimensions(layer, _text(data, "shape"))
    count = math.prod(shape)
    offset = _text(data, "offset")
    if not offset.isdecimal() or int(offset) + count * dtype.itemsize > len(weights):
        raise ConversionError(f"the weights end before the constant {layer.get('name')}")
    stored: NDArray[Any] = np.frombuffer(weights, dtype, count, int(offset))
    values: FloatArray = stored.astype(np.float32).reshape(shape)
    if not np.isfinite(values).all():
        raise ConversionError(f"the constant {layer.get('name')} holds values that are not finite")
    return values


def _node(layer: ET.Element, kind: str, inputs: tuple[str, ...]) -> Node:
    data = layer.find("data")
    attributes = {} if data is None else dict(data.attrib)
    name = layer.get("name", _text(layer, "id"))
    return Node(_text(layer, "id"), name, kind, attributes, inputs, _shape_of(layer))


def _checked(nodes: list[Node]) -> tuple[Node, ...]:
    parameters = [node for node in nodes if node.kind == "Parameter"]
    used = {source for node in nodes for source in node.inputs}
    ends = [node for node in nodes if node.id not in used]
    if len(parameters) != 1 or nodes[0] is not parameters[0]:
        raise ConversionError(f"the network has {len(parameters)} inputs, not 1")
    if len(ends) != 1 or nodes[-1] is not ends[0]:
        raise ConversionError(f"the network has {len(ends)} outputs, not 1")
    return tuple(nodes)
