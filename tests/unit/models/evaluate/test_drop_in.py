"""A network nobody here knows is evaluated from a card and a file alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from models.evaluate.cli import main
from models.store import read_card

if TYPE_CHECKING:
    from pathlib import Path

FILE = "mobilefacenet_insightface_y1.tflite"
# Source: InsightFace's ArcFace alignment at 112 x 112.
CARD = """
id = "drop-in"
role = "embedder"
title = "A network of somebody else's"
licence = "LicenseRef-research-only"
source = "for this test"
outputs = [[128]]

[[files]]
variant = "float32"
name = "{name}"
sha256 = "{sha256}"
size_bytes = {size_bytes}

[input]
width_px = 112
height_px = 112
channels = "RGB"
mean = [0.0, 0.0, 0.0]
scale = [1.0, 1.0, 1.0]

[alignment]
mesh_points = [[33, 133, 159, 145], [362, 263, 386, 374], [1], [61], [291]]
targets_px = [
    [38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
    [70.7299, 92.2041],
]

[matching]
metric = "cosine"
confident = 0.50
uncertain = 0.60
"""


@pytest.fixture
def card(shared_models: Path, tmp_path: Path) -> Path:
    content = (shared_models / FILE).read_bytes()
    path = tmp_path / "cards" / "drop-in.toml"
    path.parent.mkdir()
    digest = hashlib.sha256(content).hexdigest()
    path.write_text(CARD.format(name=FILE, sha256=digest, size_bytes=len(content)))
    return path


@pytest.fixture
def data(shared_faces: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "people"
    source = shared_faces / "lfw-dev"
    people = [p for p in sorted(source.iterdir()) if p.is_dir() and len(list(p.iterdir())) > 1]
    for person in people[:30]:
        (folder / person.name).mkdir(parents=True)
        for picture in sorted(person.iterdir())[:2]:
            (folder / person.name / picture.name).symlink_to(picture)
    return folder


def test_a_card_and_a_file_are_enough(
    assets: Path,
    card: Path,
    data: Path,
    shared_models: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert assets.is_dir()
    assert read_card(card).dimension == 128
    where = ["--cards", str(card.parent), "--weights", str(shared_models)]

    code = main(
        ["verification", str(data), *where, "--model", "drop-in", "--cache", str(tmp_path / "c")]
    )

    row = capsys.readouterr().out.splitlines()[-1]
    accuracy = float(row.split("|")[3].split()[0])
    assert code == 0
    assert accuracy > 95
