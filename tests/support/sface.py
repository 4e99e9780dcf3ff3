"""SFace, installed into a folder made for the tests; models are imported only where it is used."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sface_source(assets: Path) -> Path:
    """SFace's ONNX file, as its publisher gives it."""
    from models.cli.packaged import source_target
    from models.store import OnnxOrigin, default_store

    origin = default_store().cards["sface-2021dec"].origin
    assert isinstance(origin, OnnxOrigin)
    path = assets / source_target(origin)
    if not path.is_file():
        pytest.skip("needs the ONNX file of SFace: run scripts/fetch_assets once")
    return path


@pytest.fixture(scope="session")
def sface_assets(
    assets: Path, sface_source: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """An asset folder in which SFace is installed beside the models of the asset cache."""
    from models.build.translate import translate_sources
    from models.store import default_store

    folder = tmp_path_factory.mktemp("sface")
    models = folder / "models"
    models.mkdir()
    for path in (assets / "models").glob("*.tflite"):
        if not path.name.startswith("sface"):
            (models / path.name).symlink_to(path)
    card = default_store().cards["sface-2021dec"]
    contents = translate_sources(card, [sface_source.read_bytes()])
    for file, content in zip(card.files, contents, strict=True):
        (models / file.name).write_bytes(content)
    return folder
