"""The published network, translated, is the file of the card and computes the recorded numbers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.build.ir import read_ir
from models.build.ir_to_tflite import to_tflite
from models.runtime import installed_runtimes, open_session
from models.stages.embed import FaceEmbedder
from models.stages.parity import lowest_cosine
from models.store import Origin, VerifiedModel, default_store

if TYPE_CHECKING:
    from pathlib import Path

    from models.build.ir_input import Normalisation
    from models.runtime import RuntimeName

STORE = default_store()
CARD, FILE = STORE.find("omz-0095")


@pytest.fixture(scope="module")
def translation(shared_models: Path) -> tuple[bytes, Normalisation]:
    assert isinstance(CARD.origin, Origin)
    xml, weights = ((shared_models / file.name).read_bytes() for file in CARD.origin.files)
    return to_tflite(read_ir(xml, weights), CARD.id)


def test_the_translation_is_the_file_of_the_card(
    translation: tuple[bytes, Normalisation],
) -> None:
    content, normalisation = translation

    assert hashlib.sha256(content).hexdigest() == FILE.sha256
    assert len(content) == FILE.size_bytes
    np.testing.assert_allclose(normalisation.mean, CARD.input.mean, rtol=1e-12)
    np.testing.assert_allclose(normalisation.scale, CARD.input.scale, rtol=1e-12)


@pytest.mark.parametrize("runtime", installed_runtimes())
def test_it_computes_what_openvino_computed(
    translation: tuple[bytes, Normalisation], runtime: RuntimeName
) -> None:
    model = VerifiedModel(CARD, FILE, translation[0])
    embedder = FaceEmbedder(CARD, open_session(model, runtime=runtime))

    assert lowest_cosine(embedder, CARD.input, STORE.recorded_embeddings(CARD)) > 0.99999


def test_another_order_of_the_channels_is_noticed(
    translation: tuple[bytes, Normalisation],
) -> None:
    swapped = CARD.input.model_copy(update={"channels": "RGB"})
    card = CARD.model_copy(update={"input": swapped})
    embedder = FaceEmbedder(card, open_session(VerifiedModel(card, FILE, translation[0])))

    assert lowest_cosine(embedder, swapped, STORE.recorded_embeddings(CARD)) < 0.99
