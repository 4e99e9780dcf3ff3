"""Every model opens in every runtime, with the same answers; what cannot open says why."""

from __future__ import annotations

import numpy as np
import pytest

from models.errors import InferenceError, ModelRefusedError, RuntimeUnavailableError
from models.runtime import FloatArray, RuntimeName, installed_runtimes, open_session, opening
from models.runtime.interpreter import load
from models.runtime.tflite import interpreter_factory
from models.store import OnnxOrigin, Origin, VerifiedModel, default_store

RUNTIMES: list[RuntimeName] = ["tflite", "litert"]
# Shipped, or taken out of a package; what has to be translated is installed by choice.
FILES = [
    f"{card.id}-{file.variant}"
    for card in default_store().cards.values()
    for file in card.files
    if not isinstance(card.origin, Origin | OnnxOrigin)
]


def noise(model: VerifiedModel) -> FloatArray:
    spec = model.card.input
    pixels = np.random.default_rng(7).uniform(0, 255, (1, spec.height_px, spec.width_px, 3))
    return ((pixels - spec.mean) / spec.scale).astype(np.float32)


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("reference", FILES)
def test_every_file_opens_and_runs_in_every_runtime(reference: str, runtime: RuntimeName) -> None:
    model = default_store().load(reference)

    session = open_session(model, runtime=runtime)
    outputs = session.run(noise(model))

    assert session.output_shapes == tuple((1, *shape) for shape in model.card.outputs)
    assert [output.shape for output in outputs] == list(session.output_shapes)
    assert all(np.isfinite(output).all() for output in outputs)


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("reference", FILES)
def test_both_runtimes_give_the_same_answers(reference: str) -> None:
    """To 2 % of an output's range: int8 files round differently in the two runtimes' kernels."""
    model = default_store().load(reference)
    values = noise(model)

    one, other = (open_session(model, runtime=name).run(values) for name in RUNTIMES)

    for first, second in zip(one, other, strict=True):
        np.testing.assert_allclose(first, second, atol=0.02 * max(float(np.ptp(first)), 1e-3))


@pytest.mark.usefixtures("assets")
def test_an_answer_outlives_the_next_run() -> None:
    model = default_store().load("face-mesh")
    session = open_session(model)
    (points, _) = session.run(noise(model))
    before = points.copy()

    session.run(np.zeros(session.input_shape, np.float32))

    np.testing.assert_array_equal(points, before)


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("runtime", RUNTIMES)
@pytest.mark.parametrize("content", [b"", b"TFL3", b"not a model at all" * 100])
def test_a_file_that_is_no_model_is_refused(runtime: RuntimeName, content: bytes) -> None:
    model = default_store().load("face-mesh")
    broken = VerifiedModel(model.card, model.file, content)

    with pytest.raises(ModelRefusedError, match="cannot load the model"):
        open_session(broken, runtime=runtime)


@pytest.mark.usefixtures("assets")
def test_a_model_without_the_cards_outputs_is_refused() -> None:
    model = default_store().load("face-mesh")

    with pytest.raises(ModelRefusedError, match=r"shape \(128,\); it has"):
        load("tflite", interpreter_factory(), model.content, outputs=[(128,)], threads=1)


@pytest.mark.usefixtures("assets")
def test_a_model_with_another_input_is_refused() -> None:
    mesh = default_store().load("face-mesh")
    spec = mesh.card.input.model_copy(update={"width_px": 64})
    card = mesh.card.model_copy(update={"input": spec})

    with pytest.raises(ModelRefusedError, match="its card says"):
        open_session(VerifiedModel(card, mesh.file, mesh.content))


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_wrong_input_is_an_inference_error(runtime: RuntimeName) -> None:
    session = open_session(default_store().load("face-mesh"), runtime=runtime)

    with pytest.raises(InferenceError):
        session.run(np.zeros((1, 8, 8, 3), np.float32))


@pytest.mark.usefixtures("assets")
def test_auto_prefers_ai_edge_litert() -> None:
    assert installed_runtimes() == ("litert", "tflite")
    assert open_session(default_store().load("face-mesh")).runtime == "ai_edge_litert"


@pytest.mark.usefixtures("assets")
def test_without_any_runtime_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "installed_runtimes", tuple)

    with pytest.raises(RuntimeUnavailableError, match="install ai-edge-litert or tflite-runtime"):
        open_session(default_store().load("face-mesh"))


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize(
    ("runtime", "module"), [("tflite", "tflite_runtime"), ("litert", "ai_edge_litert")]
)
def test_a_runtime_that_is_not_there_is_named(
    monkeypatch: pytest.MonkeyPatch, runtime: RuntimeName, module: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, f"{module}.interpreter", None)

    with pytest.raises(RuntimeUnavailableError, match="is not installed"):
        open_session(default_store().load("face-mesh"), runtime=runtime)
