"""An ONNX file is read as it is meant, or refused; no bytes make anything else of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.build.ir_to_tflite import to_tflite
from models.build.kernel_storage import KernelStorage
from models.build.onnx_file import read_onnx
from models.build.onnx_to_ir import to_ir
from models.build.protobuf import WireMessage
from models.errors import ConversionError
from tests.conftest import EXAMPLES
from tests.unit.models.build.onnx_files import OnnxFile, blob, number, tensor, value_info, varint
from tests.unit.models.build.onnx_networks import small_onnx

if TYPE_CHECKING:
    from collections.abc import Callable

WHOLE = small_onnx()[0].content


def test_reads_operations_in_order_and_constants_as_numbers() -> None:
    read = read_onnx(WHOLE)

    assert (read.input_name, read.input_shape, read.output_name) == ("data", (1, 3, 8, 8), "fc1")
    assert [node.kind for node in read.nodes][-3:] == [
        "DequantizeLinear",
        "Gemm",
        "BatchNormalization",
    ]
    gemm = read.nodes[-2]
    assert gemm.numbers == {"alpha": 1.0, "beta": 1.0, "transB": 1}
    assert read.constants["stem kernel shape"].tolist() == [8, 3, 3, 3]
    assert read.constants["bias"].dtype == np.float32


def changed(change: Callable[[OnnxFile], object]) -> bytes:
    file = OnnxFile((1, 2, 4, 4))
    file.follow("Conv", "first", file.constant("kernel", np.ones((2, 2, 4, 4), np.float32)))
    change(file)
    return file.content


def raw(file: OnnxFile, *parts: bytes) -> None:
    file.constants.append(blob(5, b"".join(parts)))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f: f.nodes.clear(), "0 operations"),
        (lambda f: f.nodes.extend(f.nodes * 2001), "operations"),
        (lambda f: f.constants.clear(), "2 inputs|not constant|inputs"),
        (lambda f: setattr(f, "input_shape", (1, 2, 4, 0)), "odd shape"),
        (lambda f: f.inputs.append(blob(12, value_info("more", (1,)))), "2 outputs"),
        (lambda f: f.node("Split", "", ["data"]), "outputs"),
        (lambda f: f.node("Constant", "c", []), "no value"),
        (lambda f: raw(f, tensor("c", np.ones(3, np.uint8))), "neither"),
        (lambda f: raw(f, tensor("c", np.ones(3, np.float32))[:-2]), "ends|end"),
        (lambda f: raw(f, tensor("c", np.ones(3, np.float32)), number(1, 4)), "3 values"),
        (lambda f: raw(f, tensor("c", np.ones(3, np.float32)), number(1, 10**7)), "odd shape"),
        (lambda f: raw(f, tensor("c", np.ones(3, np.float32)), number(14, 1)), "another file"),
        (lambda f: raw(f, tensor("c", np.ones(3, np.float32)), blob(13, b"")), "another file"),
        (lambda f: raw(f, tensor("c", np.array([np.nan], np.float32))), "not finite"),
        (lambda f: raw(f, number(1, 1), number(2, 7), blob(7, b"\x01")), "raw bytes"),
        (lambda f: raw(f, tensor("c", np.ones(3, np.float32)), blob(8, b"\xff")), "UTF-8"),
        (
            lambda f: f.node("Conv", "x", ["first"], auto_pad=tensor("t", np.ones(1, np.float32))),
            "auto_pad",
        ),
    ],
)
def test_a_damaged_network_is_refused(change: Callable[[OnnxFile], object], reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        to_ir(read_onnx(changed(change)))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "0 operations"),
        (b"\xff" * 11, "does not end"),
        (varint(7 << 3 | 3), "wire type 3"),
        (varint(7 << 3 | 2) + varint(1 << 40), "middle of a field"),
        (varint(7 << 3 | 5) + b"abc", "middle of a field"),
        (number(7, 1), "a number in field 7"),
        (number(1, 1) * 20_001, "over 20000 fields"),
        (blob(7, blob(5, blob(1, b"\x01" * 20_010))), "over 20000 numbers"),
        (bytes(64 * 1024 * 1024 + 1), "larger than"),
    ],
)
def test_hostile_bytes_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        read_onnx(content)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(1, 1000))
def test_numbers_come_back(value: int, at: int) -> None:
    message = WireMessage(memoryview(number(at, value) + blob(at + 1, varint(value) * 2)))

    assert message.integer(at) == value
    assert message.integers(at + 1) == [value, value]


@given(st.binary(max_size=200))
def test_any_bytes_are_fields_or_refused(content: bytes) -> None:
    with suppress(ConversionError):
        WireMessage(memoryview(content))
    with suppress(ConversionError):
        read_onnx(content)


@settings(max_examples=3 * EXAMPLES)
@given(st.data())
def test_no_damage_makes_anything_but_a_refusal(data: st.DataObject) -> None:
    content = bytearray(WHOLE)
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[place] = data.draw(st.integers(0, 255) | st.sampled_from(b"\0\x01\x7f\x80\xff"))
    end = data.draw(st.none() | st.integers(0, len(content)))

    storage = data.draw(st.sampled_from(KernelStorage))

    with suppress(ConversionError):
        network = to_ir(read_onnx(bytes(content[:end])))
        assert to_tflite(network, "damaged", storage)[0][4:8] == b"TFL3"
