"""The pipeline takes the accelerator that is there, and says what serves it."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest

from models.errors import AcceleratorFault
from models.pipeline import FacePipeline, PipelineSettings
from models.runtime import AcceleratorSettings, Rung
from models.runtime.attempts import LadderPolicy
from models.stages.parity import accelerator_inputs
from models.store import ModelStore, default_store
from tests.support.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from models.runtime import RuntimeName
    from tests.unit.models.runtime.conftest import StandIn

NAME = "dlib-resnet-v1-edgetpu.tflite"
# The stand-in runs ordinary files: the mark of a compiled one is put behind the model, where
# nothing reads it.
CONTENT = default_store().load("dlib-resnet-v1-float16").content + b"edgetpu-custom-op"


@pytest.fixture
def store(tmp_path: Path, assets: Path) -> ModelStore:
    assert assets.is_dir()
    usual = default_store()
    compiled = tmp_path / "compiled"
    compiled.mkdir()
    (compiled / NAME).write_bytes(CONTENT)
    (compiled / f"{NAME}.sha256").write_text(hashlib.sha256(CONTENT).hexdigest())
    return ModelStore(usual.cards_folder, (*usual.folders, compiled))


@pytest.fixture
def settings(stand_in: StandIn) -> PipelineSettings:
    return PipelineSettings(
        embedder="dlib-resnet-v1",
        accelerator=AcceleratorSettings(
            use="auto",
            library=str(stand_in.library),
            options={"control": str(stand_in.control)},
            usb_devices=stand_in.usb_devices,
            policy=LadderPolicy(poll_s=0.05, first_retry_s=0.1),
        ),
    )


@pytest.fixture
def opened(
    store: ModelStore, settings: PipelineSettings
) -> Iterator[Callable[[PipelineSettings], FacePipeline]]:
    pipelines: list[FacePipeline] = []

    def opened(chosen: PipelineSettings = settings) -> FacePipeline:
        pipelines.append(FacePipeline.open(store, chosen))
        return pipelines[-1]

    yield opened
    for pipeline in pipelines:
        pipeline.close()


def test_recognises_on_cpu_and_accelerator_alike(
    opened: Callable[..., FacePipeline], stand_in: StandIn, assets: Path
) -> None:
    pipeline = opened()
    picture = np.asarray(cv2.imread(str(assets / "photos" / "person-3-a.jpg")), np.uint8)
    (on_cpu,) = pipeline.analyse(picture)
    wait_until(lambda: pipeline.accelerator.rung is Rung.ACCELERATOR, what="the accelerator")

    (on_accelerator,) = pipeline.analyse(picture)
    stand_in.does("hangs")
    (after_the_fall,) = pipeline.analyse(picture)

    assert np.linalg.norm(on_cpu.embedding - on_accelerator.embedding) < 0.1
    np.testing.assert_array_equal(on_cpu.embedding, after_the_fall.embedding)
    assert pipeline.accelerator.rung is Rung.CPU
    assert pipeline.accelerator.fault is AcceleratorFault.HUNG


def test_off_is_off(opened: Callable[..., FacePipeline], settings: PipelineSettings) -> None:
    pipeline = opened(replace(settings, accelerator=AcceleratorSettings()))

    assert pipeline.accelerator.rung is Rung.CPU
    assert pipeline.accelerator.fault is None


def test_a_damaged_file_leaves_the_cpu_serving_and_says_why(
    opened: Callable[..., FacePipeline], store: ModelStore, caplog: pytest.LogCaptureFixture
) -> None:
    (store.folders[-1] / NAME).write_bytes(CONTENT[:1000])

    pipeline = opened()

    assert pipeline.accelerator.fault is AcceleratorFault.REFUSED
    assert "compile it again" in pipeline.accelerator.message
    assert "compile it again" in caplog.text


@pytest.mark.usefixtures("assets")
def test_without_a_compiled_file_nothing_is_started() -> None:
    settings = PipelineSettings(accelerator=AcceleratorSettings(use="auto"))
    pipeline = FacePipeline.open(default_store(), settings)

    assert pipeline.accelerator.rung is Rung.CPU
    assert pipeline.accelerator.fault is None
    pipeline.close()


@pytest.mark.usefixtures("assets")
@pytest.mark.parametrize(
    ("embedder", "runtime", "variant"),
    [
        ("dlib-resnet-v1", "auto", "int8"),
        ("dlib-resnet-v1", "litert", "int8"),
        ("dlib-resnet-v1", "tflite", "float16"),
        ("dlib-resnet-v1-float16", "auto", "float16"),
        ("dlib-resnet-v1-int8", "tflite", "int8"),
    ],
)
def test_the_variant_follows_the_runtime_unless_it_is_named(
    embedder: str, runtime: RuntimeName, variant: str
) -> None:
    pipeline = FacePipeline.open(
        default_store(), PipelineSettings(embedder=embedder, runtime=runtime)
    )

    assert pipeline.embedder_file.variant == variant
    assert pipeline.embedder_card.id == "dlib-resnet-v1"


@pytest.mark.usefixtures("assets")
def test_with_tflite_runtime_alone_the_product_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("ai_edge_litert", "ai_edge_litert.interpreter"):
        monkeypatch.setitem(__import__("sys").modules, module, None)
    monkeypatch.setattr("models.runtime.opening.installed_runtimes", lambda: ("tflite",))

    pipeline = FacePipeline.open(default_store(), PipelineSettings(embedder="dlib-resnet-v1"))

    assert pipeline.embedder_file.variant == "float16"


@pytest.mark.parametrize("card", ["dlib-resnet-v1", "sface-2021dec"])
def test_an_accelerator_is_compared_on_soft_pictures_of_the_networks_size(card: str) -> None:
    spec = default_store().cards[card].input
    pictures = [values * spec.scale[0] for values in accelerator_inputs(spec)]

    assert [one.shape for one in pictures] == [(1, spec.height_px, spec.width_px, 3)] * 4
    steps = [np.abs(np.diff(one, axis=axis)).max() for one in pictures for axis in (1, 2)]
    assert max(steps) < 40  # of 255: the drawn faces have edges of up to 150
    assert len({one.tobytes() for one in pictures}) == 4
