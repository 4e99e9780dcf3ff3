"""An IR file is read as it is meant, or refused with the reason."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.build.ir import read_ir
from models.build.ir_to_tflite import to_tflite
from models.errors import ConversionError
from tests.unit.models.build.ir_files import IRFile

KERNEL = np.array([[[[0.5]]], [[[0.25]]]])


def network() -> IRFile:
    file = IRFile()
    source = file.layer("Parameter", (1, 1, 2, 2))
    filtered = file.convolution(source, KERNEL, bias=np.array([1.0, -1.0]))
    file.layer("Result", (), [file.global_average(filtered)])
    return file


def test_reads_operations_in_order_and_constants_as_numbers() -> None:
    file = network()
    read = read_ir(file.xml, file.weights)

    assert [node.kind for node in read.nodes] == ["Parameter", "Convolution", "Add", "AvgPool"]
    assert [node.shape for node in read.nodes][-1] == (1, 2, 1, 1)
    kernel = read.constants[read.nodes[1].inputs[1]]
    assert kernel.dtype == np.float32
    assert kernel.tolist() == KERNEL.tolist()


def test_layers_may_stand_in_any_order() -> None:
    file = network()
    layers = file.root.find("layers")
    assert layers is not None
    layers[:] = reversed(list(layers))

    assert read_ir(file.xml, file.weights).nodes[0].kind == "Parameter"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'version="11"', b'version="7"', "no OpenVINO IR"),
        (b"<net ", b"<nut ", "damaged"),
        (b"</net>", b"", "damaged"),
        (b"<net ", b'<!DOCTYPE net [<!ENTITY a "b">]><net ', "entities"),
        (b'element_type="f16"', b'element_type="i64"', "neither f16 nor f32"),
        (b'offset="0"', b'offset="-4"', "weights end"),
        (b'offset="0"', b'offset="9999"', "weights end"),
        (b'shape="2, 1, 1, 1"', b'shape="2, 1, 1, -1"', "odd shape"),
        (b'shape="2, 1, 1, 1"', b'shape="2, 1, many"', "odd shape"),
        (b"<dim>1</dim>", b"<dim>one</dim>", "odd shape"),
        (b'from-layer="0"', b'from-layer="77"', "77"),
        (b'from-layer="0"', b'from-layer="6"', "circle"),
        (b'to-port="0"', b'to-port="first"', "port first"),
        (b'to-port="1"', b'to-port="0"', "1 of 2 inputs"),
        (b'id="0" name="Parameter_0"', b'name="Parameter_0"', "no id"),
        (b'type="Parameter"', b'type="Input"', "0 inputs"),
    ],
)
def test_a_damaged_graph_is_refused(old: bytes, new: bytes, reason: str) -> None:
    file = network()
    assert old in file.xml

    with pytest.raises(ConversionError, match=reason):
        read_ir(file.xml.replace(old, new, 1), file.weights)


def test_truncated_weights_are_refused() -> None:
    file = network()

    with pytest.raises(ConversionError, match="weights end"):
        read_ir(file.xml, file.weights[:-1])


def test_weights_that_are_not_finite_are_refused() -> None:
    file = IRFile()
    source = file.layer("Parameter", (1, 1, 2, 2))
    file.layer("Result", (), [file.convolution(source, np.full((1, 1, 2, 2), np.nan))])

    with pytest.raises(ConversionError, match="not finite"):
        read_ir(file.xml, file.weights)


def test_two_outputs_are_refused() -> None:
    file = network()
    file.layer("Sigmoid", (1, 1, 2, 2), [0])

    with pytest.raises(ConversionError, match="2 outputs"):
        read_ir(file.xml, file.weights)


@settings(max_examples=300)
@given(st.data())
def test_no_damage_makes_anything_but_a_refusal(data: st.DataObject) -> None:
    file = network()
    xml = bytearray(file.xml)
    quoted = [at for at, byte in enumerate(xml) if byte in b"0123456789"]
    places = st.sampled_from(quoted) | st.integers(0, len(xml) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=3)):
        xml[place] = data.draw(st.sampled_from(b'0123456789-, xV<>"\0\xff'))
    weights = file.weights[: data.draw(st.integers(0, len(file.weights)))]

    with suppress(ConversionError):
        assert to_tflite(read_ir(bytes(xml), weights), "damaged")[0][4:8] == b"TFL3"
