"""The published network, translated, is the files of the card and computes the recorded numbers."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.build.record_onnx import cut_face, seeded_picture
from models.build.translate import translate_sources
from models.errors import ConversionError
from models.runtime import LadderPolicy, installed_runtimes, open_session
from models.stages.embed import FaceEmbedder
from models.stages.parity import accelerator_inputs, lowest_cosine
from models.store import OnnxOrigin, VerifiedModel, default_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.runtime import RuntimeName
    from models.stages.images import BGRImage, FloatVector

STORE = default_store()
CARD = STORE.cards["sface-2021dec"]
SIDE_PX = CARD.input.width_px
ROWS = [
    json.loads(line)
    for line in (Path(__file__).parent / "sface-embeddings.jsonl").read_text("utf-8").splitlines()
]
SEEDED = [row for row in ROWS if "seed" in row]
PHOTOS = [row for row in ROWS if "photo" in row]
CLAIMED = [
    (file.variant, runtime)
    for file in CARD.files
    for runtime in installed_runtimes()
    if runtime in file.runtimes
]
# On drawn pictures and on faces.
LEAST = {"float16": 0.999, "int8": 0.99, "int8-weights": 0.99, "full-int8": 0.8}
LEAST_ON_FACES = {**LEAST, "full-int8": 0.98}


@pytest.fixture(scope="module")
def source(sface_source: Path) -> bytes:
    return sface_source.read_bytes()


@pytest.fixture(scope="module")
def models(source: bytes) -> dict[str, VerifiedModel]:
    contents = translate_sources(CARD, [source])
    return {
        file.variant: VerifiedModel(CARD, file, content)
        for file, content in zip(CARD.files, contents, strict=True)
    }


def embedder(model: VerifiedModel, runtime: RuntimeName) -> FaceEmbedder:
    return FaceEmbedder(model.card, open_session(model, runtime=runtime))


def cosine(first: FloatVector, second: FloatVector) -> float:
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


def test_the_source_is_the_published_file(source: bytes) -> None:
    assert isinstance(CARD.origin, OnnxOrigin)
    assert hashlib.sha256(source).hexdigest() == CARD.origin.source.sha256
    assert len(source) == CARD.origin.source.size_bytes


def test_the_translation_is_the_files_of_the_card(models: dict[str, VerifiedModel]) -> None:
    for model in models.values():
        assert hashlib.sha256(model.content).hexdigest() == model.file.sha256
        assert len(model.content) == model.file.size_bytes


@pytest.mark.parametrize(("variant", "runtime"), CLAIMED)
def test_it_computes_what_onnx_runtime_computed(
    models: dict[str, VerifiedModel], variant: str, runtime: RuntimeName
) -> None:
    opened = embedder(models[variant], runtime)

    lowest = lowest_cosine(opened, CARD.input, STORE.recorded_embeddings(CARD))
    seeded = [
        cosine(opened.embed_aligned(seeded_picture(row["seed"], SIDE_PX)), row["embedding"])
        for row in SEEDED
    ]

    assert lowest >= LEAST[variant]
    assert min(seeded) >= LEAST[variant]


@pytest.mark.parametrize(("variant", "runtime"), CLAIMED)
def test_it_computes_the_same_on_faces(
    models: dict[str, VerifiedModel],
    variant: str,
    runtime: RuntimeName,
    photo: Callable[[str], BGRImage],
) -> None:
    opened = embedder(models[variant], runtime)

    cosines = [
        cosine(
            opened.embed_aligned(cut_face(photo(row["photo"]), row["matrix"], SIDE_PX)),
            row["embedding"],
        )
        for row in PHOTOS
    ]

    assert len(cosines) == 5
    assert min(cosines) >= LEAST_ON_FACES[variant]


def test_the_check_of_an_accelerator_lets_the_full_int8_file_pass(
    models: dict[str, VerifiedModel],
) -> None:
    runtime = installed_runtimes()[0]
    compared = [
        [open_session(models[variant], runtime=runtime).run(one)[0].ravel() for one in inputs]
        for variant in ("int8", "full-int8")
        for inputs in (accelerator_inputs(CARD.input),)
    ]

    assert min(cosine(a, b) for a, b in zip(*compared, strict=True)) >= LadderPolicy().min_cosine


@pytest.mark.parametrize("variant", ["float16", "int8-weights"])
def test_both_runtimes_answer_the_same(models: dict[str, VerifiedModel], variant: str) -> None:
    if len(installed_runtimes()) < 2:
        pytest.skip("needs both inference runtimes in this environment")
    answers = [
        [embedder(models[variant], runtime).embed_aligned(picture) for picture in pictures()]
        for runtime in installed_runtimes()
    ]

    for first, second in zip(*answers, strict=True):
        assert cosine(first, second) > 0.99999


def test_a_template_of_one_variant_matches_a_probe_of_another(
    models: dict[str, VerifiedModel], photo: Callable[[str], BGRImage]
) -> None:
    runtime = installed_runtimes()[0]
    faces = [cut_face(photo(row["photo"]), row["matrix"], SIDE_PX) for row in PHOTOS]
    int8, weights = (
        [embedder(models[variant], runtime).embed_aligned(face) for face in faces]
        for variant in ("int8", "int8-weights")
    )

    assert min(cosine(a, b) for a, b in zip(int8, weights, strict=True)) > 0.999


def test_another_order_of_the_channels_is_noticed(models: dict[str, VerifiedModel]) -> None:
    swapped = CARD.input.model_copy(update={"channels": "BGR"})
    card = CARD.model_copy(update={"input": swapped})
    model = models["float16"]
    opened = FaceEmbedder(card, open_session(VerifiedModel(card, model.file, model.content)))

    assert lowest_cosine(opened, swapped, STORE.recorded_embeddings(CARD)) < 0.99


def test_a_card_that_scales_otherwise_is_refused(source: bytes) -> None:
    spec = CARD.input.model_copy(update={"scale": (127.5, 127.5, 127.5)})

    with pytest.raises(ConversionError, match="scales the input otherwise"):
        translate_sources(CARD.model_copy(update={"input": spec}), [source])


def pictures() -> list[BGRImage]:
    return [seeded_picture(seed, SIDE_PX) for seed in range(1, 7)]
