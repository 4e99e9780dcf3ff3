"""A network of every known operation computes in TFLite what it means in the IR."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from models.build.ir import read_ir
from models.build.ir_to_tflite import to_tflite
from models.errors import ConversionError
from models.runtime import installed_runtimes
from models.runtime.litert import interpreter_factory as litert_factory
from models.runtime.tflite import interpreter_factory as tflite_factory
from tests.unit.models.build.ir_files import IRFile, convolve, prelu, sigmoid

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.build.ir_input import Normalisation
    from tests.unit.models.build.ir_files import Array

RUNTIMES = {"tflite": tflite_factory, "litert": litert_factory}


def halves(seed: int, *shape: int) -> Array:
    """Numbers that float16 holds exactly."""
    drawn = np.random.default_rng(seed).uniform(-1, 1, shape)
    return drawn.astype(np.float16).astype(np.float64)


def closed(file: IRFile, last: int) -> IRFile:
    file.layer("Result", (), [last])
    return file


def translated(file: IRFile) -> tuple[bytes, Normalisation]:
    return to_tflite(read_ir(file.xml, file.weights), "test")


def run(runtime: str, content: bytes, maps: Array) -> Array:
    """Run on one NCHW picture without its batch; returns the vector."""
    factory = RUNTIMES[runtime]()
    interpreter = factory(model_content=content, num_threads=1, experimental_delegates=None)
    interpreter.allocate_tensors()
    values = np.ascontiguousarray(maps.transpose(1, 2, 0)[None], np.float32)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], values)
    interpreter.invoke()
    answer: Array = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return np.asarray(answer[0])


def small_network() -> tuple[IRFile, Callable[[Array], Array]]:
    """Everything reid-0095 is made of, and the same by hand from raw input on."""
    file = IRFile()
    factor, shift = np.array([0.5, 0.25, 2.0]), np.array([-1.0, 0.5, 0.75])
    stem, depth = halves(1, 8, 3, 3, 3), halves(2, 8, 1, 1, 3, 3)
    point, wide = halves(3, 8, 8, 1, 1), halves(4, 8, 2, 1, 3, 3)
    squeeze, excite = halves(5, 4, 8, 1, 1) / 16, halves(6, 8, 4, 1, 1) / 4
    last = halves(7, 6, 16, 4, 4)
    biases = [halves(10 + n, n) for n in (8, 8, 8, 16, 4)]
    one_slope, slopes = np.array([3.0]), halves(20, 8)

    x = file.layer("Parameter", (1, 3, 16, 16), element_type="f32", shape="1,3,16,16")
    x = file.two("Multiply", x, file.constant(factor.reshape(1, 3, 1, 1)))
    x = file.two("Add", x, file.constant(shift.reshape(1, 3, 1, 1)))
    x = file.convolution(x, stem, stride=2, pads=(1, 1), bias=biases[0])
    x = file.layer("PReLU", file.shapes[x], [x, file.constant(one_slope)])
    x = file.convolution(x, depth, pads=(1, 1), bias=biases[1])
    x = file.layer("PReLU", file.shapes[x], [x, file.constant(slopes)])
    x = trunk = file.convolution(x, point, bias=biases[2])
    x = file.global_average(x)
    x = file.convolution(x, squeeze, bias=biases[4])
    x = file.layer("PReLU", file.shapes[x], [x, file.constant(-one_slope)])
    x = file.convolution(x, excite)
    x = file.layer("Sigmoid", file.shapes[x], [x])
    x = file.two("Multiply", trunk, x)
    x = file.two("Add", trunk, x)
    x = file.convolution(x, wide, stride=2, pads=(0, 1), bias=biases[3])
    x = file.convolution(x, last)

    def by_hand(picture: Array) -> Array:
        y = picture * factor.reshape(3, 1, 1) + shift.reshape(3, 1, 1)
        y = prelu(convolve(y, stem, stride=2, pads=(1, 1), bias=biases[0]), one_slope)
        y = prelu(convolve(y, depth, pads=(1, 1), bias=biases[1]), slopes)
        body = convolve(y, point, bias=biases[2])
        y = prelu(convolve(body.mean((1, 2), keepdims=True), squeeze, bias=biases[4]), -one_slope)
        y = body + body * sigmoid(convolve(y, excite))
        y = convolve(y, wide, stride=2, pads=(0, 1), bias=biases[3])
        return convolve(y, last).ravel()

    return closed(file, x), by_hand


@pytest.mark.parametrize("runtime", installed_runtimes())
def test_every_operation_computes_what_it_means(runtime: str) -> None:
    file, by_hand = small_network()
    content, normalisation = translated(file)
    picture = np.random.default_rng(8).uniform(-1, 1, (3, 16, 16))
    mean, scale = (v.reshape(3, 1, 1) for v in (normalisation.mean, normalisation.scale))

    answer = run(runtime, content, (picture - mean) / scale)

    np.testing.assert_allclose(answer, by_hand(picture), rtol=1e-4, atol=1e-4)


def test_the_scale_and_shift_of_the_input_are_handed_out() -> None:
    _, normalisation = translated(small_network()[0])

    assert normalisation.mean.tolist() == [2.0, -2.0, -0.375]
    assert normalisation.scale.tolist() == [2.0, 4.0, 0.5]


def test_a_network_without_them_takes_its_input_as_it_is() -> None:
    file = IRFile()
    source = file.layer("Parameter", (1, 3, 4, 4))
    content, normalisation = translated(closed(file, file.global_average(source)))

    assert (normalisation.mean.tolist(), normalisation.scale.tolist()) == ([0] * 3, [1] * 3)
    maps = halves(1, 3, 4, 4)
    np.testing.assert_allclose(run("tflite", content, maps), maps.mean((1, 2)), atol=1e-6)


def test_the_same_network_gives_the_same_bytes() -> None:
    first, second = (translated(small_network()[0])[0] for _ in range(2))

    assert first == second
    assert hashlib.sha256(first).hexdigest().startswith("b51d9dead80cb59c")


def test_weights_keep_their_halves() -> None:
    file, _ = small_network()
    content, _ = translated(file)

    assert halves(4, 8, 2, 1, 3, 3).size * 2 < len(content) < len(file.weights) + 12_000


def test_a_constant_that_halves_would_change_stays_single() -> None:
    file = IRFile()
    source = file.layer("Parameter", (1, 2, 4, 4))
    factor = file.constant(np.array([1 / 3, 2 / 3]).reshape(1, 2, 1, 1), is_half=False)
    scaled = file.two("Multiply", file.two("Add", source, source), factor)
    content, _ = translated(closed(file, file.global_average(scaled)))
    maps = halves(1, 2, 4, 4)

    expected = (2 * maps).mean((1, 2)) * np.array([1 / 3, 2 / 3])
    np.testing.assert_allclose(run("litert", content, maps), expected, rtol=1e-6)


def with_layer(kind: str, **data: str) -> IRFile:
    file = IRFile()
    source = file.layer("Parameter", (1, 2, 4, 4))
    return closed(file, file.global_average(file.layer(kind, (1, 2, 4, 4), [source], **data)))


def pooled(**changes: str) -> IRFile:
    file = IRFile()
    source = file.layer("Parameter", (1, 2, 4, 4))
    data = {"kernel": "4, 4", "pads_begin": "0, 0", "pads_end": "0, 0"} | changes
    return closed(file, file.layer("AvgPool", (1, 2, 1, 1), [source], **data))


def convolved(kernel: Array, **changes: str) -> IRFile:
    file = IRFile()
    source = file.layer("Parameter", (1, 2, 4, 4))
    data = {"strides": "1, 1", "dilations": "1, 1", "pads_begin": "0, 0", "pads_end": "0, 0"}
    kind = "GroupConvolution" if kernel.ndim == 5 else "Convolution"
    inputs = [source, file.constant(kernel)]
    return closed(file, file.layer(kind, (1, 2, 1, 1), inputs, **(data | changes)))


def added(constant: Array) -> IRFile:
    file = IRFile()
    source = file.layer("Parameter", (1, 2, 4, 4))
    doubled = file.two("Add", source, source)
    return closed(file, file.global_average(file.two("Add", doubled, file.constant(constant))))


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (with_layer("Softmax"), "Softmax"),
        (pooled(kernel="2, 2"), "whole map"),
        (pooled(pads_begin="1, 1"), "whole map"),
        (convolved(halves(1, 2, 2, 4, 4), dilations="2, 2"), "dilation"),
        (convolved(halves(1, 2, 2, 4, 4), auto_pad="same_upper"), "automatic padding"),
        (convolved(halves(1, 2, 2, 4, 4), strides="1"), "strides"),
        (convolved(halves(1, 2, 2, 4, 4), strides="one, 1"), "strides"),
        (convolved(halves(1, 2, 2, 4, 4), strides="0, 1"), "stride"),
        (convolved(halves(1, 2, 3, 4, 4)), "does not fit"),
        (convolved(halves(1, 1, 2, 2, 4, 4)), "not depthwise"),
        (added(halves(1, 1, 1, 1, 4)), "not per channel"),
        (added(halves(1, 1, 2, 4, 4)), "not per channel"),
    ],
)
def test_what_is_not_known_is_refused(file: IRFile, reason: str) -> None:
    with pytest.raises(ConversionError, match=reason):
        translated(file)


def test_an_output_that_is_no_vector_is_refused() -> None:
    file = IRFile()
    source = file.layer("Parameter", (1, 2, 4, 4))

    with pytest.raises(ConversionError, match="no vector"):
        translated(closed(file, file.layer("Sigmoid", (1, 2, 4, 4), [source])))


def test_the_file_says_what_the_schema_asks_for() -> None:
    schema: Any = pytest.importorskip("ai_edge_litert.schema_py_generated")
    content, _ = translated(small_network()[0])

    model = schema.ModelT.InitFromPackedBuf(content, 0)

    assert schema.Model.ModelBufferHasIdentifier(content, 0)
    assert (model.version, model.description) == (3, b"test")
    assert len(model.buffers[0].data if model.buffers[0].data is not None else b"") == 0
    assert {code.builtinCode for code in model.operatorCodes} == {
        0,
        3,
        4,
        6,
        14,
        18,
        22,
        34,
        40,
        54,
    }
    assert all(code.deprecatedBuiltinCode == code.builtinCode for code in model.operatorCodes)
