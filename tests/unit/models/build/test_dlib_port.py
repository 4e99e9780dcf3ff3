"""The shipped files against what dlib itself answered (recorded by models.build.record_dlib)."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.build.record_dlib import PATTERNS, cut_chip, pattern_chip
from models.runtime import RuntimeName, open_session
from models.store import default_store

_LINES = (Path(__file__).parent / "dlib-descriptors.jsonl").read_text().splitlines()
_RECORDED: dict[str, dict[str, Any]] = {
    row.get("pattern", row.get("photo", "")): row for row in map(json.loads, _LINES)
}
_PHOTOS = [name for name in _RECORDED if name not in PATTERNS]
# float16: the rounding of the weights; int8: that of weights and activations (0.031 on average
# over 593 faces, 0.037 at most); full-int8: with fixed ranges (0.049 over 1,713, 0.068 at most).
_LIMITS = {"float16": 0.002, "int8": 0.05, "full-int8": 0.08}
variants = pytest.mark.parametrize("variant", list(_LIMITS))
runtimes = pytest.mark.parametrize("runtime", ["tflite", "litert"])


def _describe(chip: NDArray[np.uint8], variant: str, runtime: RuntimeName) -> NDArray[np.float32]:
    model = default_store().load(f"dlib-resnet-v1-{variant}")
    spec = model.card.input
    values = (chip - np.array(spec.mean)) / np.array(spec.scale)
    session = open_session(model, runtime=runtime)
    descriptor: NDArray[np.float32] = session.run(values[None].astype(np.float32))[0][0]
    return descriptor


@pytest.fixture(params=_PHOTOS)
def photo_path(request: pytest.FixtureRequest, assets: Path) -> Path:
    path = next(assets.rglob(request.param), None)
    if path is None:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    return path


@variants
@runtimes
@pytest.mark.parametrize("pattern", PATTERNS)
def test_port_gives_dlibs_descriptor_of_a_drawn_chip(
    pattern: str, variant: str, runtime: RuntimeName
) -> None:
    found = _describe(pattern_chip(pattern), variant, runtime)

    assert np.linalg.norm(found - _RECORDED[pattern]["descriptor"]) < _LIMITS[variant]


@variants
@runtimes
def test_port_gives_dlibs_descriptor_of_a_face(
    photo_path: Path, variant: str, runtime: RuntimeName
) -> None:
    recorded = _RECORDED[photo_path.name]
    picture = np.asarray(cv2.imread(str(photo_path)), dtype=np.uint8)

    found = _describe(cut_chip(picture, recorded["matrix"]), variant, runtime)

    assert np.linalg.norm(found - recorded["descriptor"]) < _LIMITS[variant]


@variants
def test_both_runtimes_agree(variant: str) -> None:
    chip = pattern_chip("face")

    difference = _describe(chip, variant, "tflite") - _describe(chip, variant, "litert")

    assert np.linalg.norm(difference) < _LIMITS[variant]


@runtimes
def test_every_shipped_weight_has_a_card_and_opens(runtime: RuntimeName) -> None:
    store = default_store()
    shipped = sorted(path.name for path in (store.cards_folder.parent / "weights").glob("*.tflite"))
    references = {
        file.name: f"{card.id}-{file.variant}"
        for card in store.cards.values()
        for file in card.files
    }

    sessions = [open_session(store.load(references[name]), runtime=runtime) for name in shipped]

    assert len(sessions) >= len(_LIMITS)
