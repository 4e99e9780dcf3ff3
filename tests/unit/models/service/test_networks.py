"""Several embedders in one service: who is served, what is opened, and where each comes from."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from models.errors import StoreError
from models.runtime import installed_runtimes
from models.service.app import create_app, open_parts
from models.service.config import load_settings
from models.service.networks import FurtherNetwork, default_models, further_networks
from models.store import ModelStore, default_store
from tests.unit.models.service.conftest import KEY

DLIB, SFACE = "dlib-resnet-v1", "sface-2021dec"


@pytest.fixture(scope="module")
def store(sface_assets: Path) -> ModelStore:
    """The shipped models, SFace, and whatever else is installed; dlib's network comes first."""
    found = default_store()
    return replace(
        found, folders=(found.folders[0], sface_assets / "models"), selection=sface_assets / "none"
    )


@pytest.fixture(scope="module")
def app(store: ModelStore) -> FastAPI:
    settings = load_settings(
        api_key=KEY,
        match_keys=KEY,
        workers=1,
        rate_per_minute=0,
        match_per_minute=0,
        embedder=DLIB,
    )
    return create_app(settings, open_parts(settings, store))


@pytest.fixture(scope="module")
def client(app: FastAPI) -> TestClient:
    return TestClient(app, headers={"X-API-Key": KEY})


@pytest.fixture(scope="module")
def photo(assets: Path) -> Callable[[], str]:
    import base64

    found = sorted(assets.rglob("person-1-a.jpg"))
    if not found:
        pytest.skip("needs the sample photos: run scripts/fetch_assets once")
    return lambda: base64.b64encode(found[0].read_bytes()).decode()


def _templates(client: TestClient, photo: str, models: list[str] | None) -> list[str]:
    body = {"image_base64": photo, "single": True, "models": models}
    answer = client.post("/api/v1/faces", json=body)
    assert answer.status_code == 200, answer.text
    return [one["model_id"] for one in answer.json()["faces"][0]["templates"]]


def test_every_installed_embedder_is_served_the_chosen_one_first(client: TestClient) -> None:
    health = client.get("/health").json()["models"]["embedders"]
    listed = client.get("/api/v1/models").json()["models"]
    assert health[0] == DLIB
    assert SFACE in health
    assert [one["model_id"] for one in listed] == health
    sface = next(one for one in listed if one["model_id"] == SFACE)
    assert sface["licence"] == "Apache-2.0"
    assert "OpenCV Zoo" in sface["licence_stated_by"]
    assert "undisclosed" in sface["training_data"]
    assert sface["dimension"] == 128


def test_the_list_needs_a_key(app: FastAPI) -> None:
    assert TestClient(app).get("/api/v1/models").status_code == 401


def test_a_request_that_names_no_model_opens_no_further_one(
    client: TestClient, photo: Callable[[], str]
) -> None:
    assert _templates(client, photo(), None) == [DLIB]


def test_exactly_the_models_that_a_request_names_are_made(
    client: TestClient, photo: Callable[[], str]
) -> None:
    assert _templates(client, photo(), [SFACE]) == [SFACE]
    assert _templates(client, photo(), [SFACE, DLIB]) == [SFACE, DLIB]


def test_further_network_is_read_at_its_first_face(store: ModelStore) -> None:
    found = further_networks(store, "auto", DLIB, runtime="auto", threads=1)
    assert SFACE in {one.embedder_card.id for one in found}
    assert not any(one.is_open for one in found)


def test_what_is_not_installed_is_not_served(tmp_path: Path) -> None:
    bare = default_store()
    empty = replace(bare, folders=(bare.folders[0], tmp_path), selection=None)
    assert further_networks(empty, "auto", DLIB, runtime="auto", threads=1) == []


def test_named_networks_are_opened_at_the_start_or_stop_it(store: ModelStore) -> None:
    (named,) = further_networks(store, (SFACE,), DLIB, runtime="auto", threads=1)
    assert named.is_open
    with pytest.raises(StoreError):
        further_networks(store, ("none",), DLIB, runtime="auto", threads=1)


def test_the_first_network_is_no_further_one(store: ModelStore) -> None:
    assert further_networks(store, (DLIB,), DLIB, runtime="auto", threads=1) == []


@pytest.mark.parametrize(
    ("wanted", "expected"), [("auto", ["a"]), ((), ["a", "b"]), (("b",), ["a", "b"])]
)
def test_only_named_networks_make_templates_unasked(wanted: Any, expected: list[str]) -> None:
    assert default_models(("a", "b"), wanted) == expected


@pytest.mark.parametrize("text", ["auto", '["sface-2021dec"]'])
def test_setting_is_a_word_or_a_list(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_ML_FURTHER_EMBEDDERS", text)
    expected = "auto" if text == "auto" else (SFACE,)
    assert load_settings(api_key=KEY).further_embedders == expected


def test_variant_fits_the_runtime(store: ModelStore) -> None:
    runtime = installed_runtimes()[0]
    network = next(
        one
        for one in further_networks(store, "auto", DLIB, runtime=runtime, threads=1)
        if one.embedder_card.id == SFACE
    )
    assert isinstance(network, FurtherNetwork)
    expected = {"litert": "sface-2021dec-int8", "tflite": "sface-2021dec-int8-weights"}
    assert network._reference == expected[runtime]
