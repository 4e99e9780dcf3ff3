"""Where the setting names SFace, pipeline and service make and match its templates."""

from __future__ import annotations

import base64
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pytest
from starlette.testclient import TestClient

from models.pipeline import FacePipeline, PipelineSettings
from models.runtime import installed_runtimes
from models.service.app import create_app, open_parts
from models.service.config import load_settings
from models.store import ModelStore, default_store
from tests.unit.models.service.conftest import KEY, as_base64

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from models.runtime import RuntimeName
    from models.store import CardFile

ID = "sface-2021dec"
CARD = default_store().cards[ID]
PREFERRED = {"litert": "int8", "tflite": "int8-weights"}


@pytest.fixture(scope="module")
def _installed(sface_assets: Path) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLCALL_ASSETS", str(sface_assets))
        yield


@pytest.fixture(scope="module")
def client(_installed: None) -> Iterator[TestClient]:
    settings = load_settings(
        api_key=KEY,
        match_keys=KEY,
        workers=1,
        max_body_bytes=8_000_000,
        rate_per_minute=0,
        match_per_minute=0,
        embedder=ID,
    )
    with TestClient(create_app(settings, open_parts(settings)), headers={"X-API-Key": KEY}) as one:
        yield one


def template(client: TestClient, picture_bgr: NDArray[np.uint8]) -> tuple[str, NDArray[np.float32]]:
    """The model's id and the template of the one face of a photo."""
    body = {"image_base64": as_base64(picture_bgr)}
    answer = client.post("/api/v1/faces", json=body)
    assert answer.status_code == 200, answer.text
    (face,) = answer.json()["faces"]
    (made,) = face["templates"]
    return made["model_id"], np.frombuffer(base64.b64decode(made["values_base64"]), "<f4")


def test_a_photo_gives_a_template_of_it_that_matches_another_photo(
    client: TestClient, photo: Callable[[str], NDArray[np.uint8]]
) -> None:
    names = ("person-1-a.jpg", "person-1-b.jpg", "person-2-a.jpg")
    (id_, first), (_, again), (_, other) = (template(client, photo(name)) for name in names)
    matching = default_store().cards[ID].matching
    assert matching is not None

    def apart(one: NDArray[np.float32], two: NDArray[np.float32]) -> float:
        lengths = np.linalg.norm(one) * np.linalg.norm(two)
        return matching.on_common_scale(1 - float(one @ two / lengths))

    assert (id_, len(first)) == (ID, 128)
    assert apart(first, again) < matching.confident
    assert apart(first, other) > matching.uncertain


@pytest.mark.usefixtures("_installed")
@pytest.mark.parametrize("embedder", [ID, "auto"])
@pytest.mark.parametrize("runtime", installed_runtimes())
def test_each_runtime_takes_the_file_that_is_fastest_there(
    runtime: RuntimeName, embedder: str, photo: Callable[[str], NDArray[np.uint8]]
) -> None:
    settings = PipelineSettings(embedder=embedder, runtime=runtime)
    with closing(FacePipeline.open(default_store(), settings)) as pipeline:
        (face,) = pipeline.analyse(photo("person-2-a.jpg"))

        assert pipeline.embedder_file.variant == PREFERRED[runtime]
        assert face.embedding.shape == (128,)


@pytest.mark.parametrize("missing", CARD.files, ids=lambda file: file.variant)
def test_without_the_preferred_file_another_one_serves(
    missing: CardFile, sface_assets: Path, tmp_path: Path
) -> None:
    for path in (sface_assets / "models").iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / missing.name).unlink()
    usual = default_store()
    store = ModelStore(usual.cards_folder, (usual.folders[0], tmp_path))

    for runtime in installed_runtimes():
        with closing(FacePipeline.open(store, PipelineSettings(runtime=runtime))) as pipeline:
            file = pipeline.embedder_file
            assert (pipeline.embedder_card.id, runtime in file.runtimes) == (ID, True)
            assert file != missing
