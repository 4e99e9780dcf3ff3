"""The card schema takes what it should and refuses the rest in words that name the card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.errors import CardError
from models.store import default_store, read_card

if TYPE_CHECKING:
    from pathlib import Path

EMBEDDER = """
id = "tiny-embedder"
role = "embedder"
title = "A network for this test"
licence = "CC0-1.0"
source = "written by hand"
outputs = [[128]]

[[files]]
variant = "float16"
name = "tiny-embedder-float16.tflite"
sha256 = "2c3728e6da56f21e21a320433396fb06d40d9088f2247c05e5635a688d45dfe1"
size_bytes = 10

[[files]]
variant = "int8"
name = "tiny-embedder-int8.tflite"
sha256 = "1055cb9d4a9ca8b8c688902a3a5194311138ba256bcc94e336d8373a5f30c814"
size_bytes = 5

[input]
width_px = 150
height_px = 150
channels = "RGB"
mean = [122.782, 117.001, 104.298]
scale = [256.0, 256.0, 256.0]

[alignment]
mesh_points = [[263], [362], [33], [133], [2]]
targets_px = [[110.96, 46.35], [89.61, 47.90], [37.06, 46.37], [58.41, 47.91], [74.01, 87.78]]

[matching]
metric = "euclidean"
confident = 0.50
uncertain = 0.60
"""


def test_embedder_card_reads(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(EMBEDDER)

    card = read_card(path)

    assert card.dimension == 128
    assert [file.variant for file in card.files] == ["float16", "int8"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("1055cb9d", "1055CB9D"),
        ("tiny-embedder-int8.tflite", "../elsewhere.tflite"),
        ('variant = "int8"', 'variant = "float16"'),
        ("[37.06, 46.37], ", ""),
        ("uncertain = 0.60", "uncertain = 0.40"),
        ('role = "embedder"', 'role = "detector"'),
        ('metric = "euclidean"', 'metric = "manhattan"'),
        ("[matching]", "[matchmaking]"),
        ("width_px = 150", "width_px = "),
    ],
)
def test_card_against_the_schema_is_refused_by_name(
    tmp_path: Path, before: str, after: str
) -> None:
    assert before in EMBEDDER
    path = tmp_path / "wrong.toml"
    path.write_text(EMBEDDER.replace(before, after))

    with pytest.raises(CardError, match=r"wrong\.toml"):
        read_card(path)


def test_every_shipped_card_reads() -> None:
    cards = default_store().cards

    assert {"blazeface-full-range", "blazeface-short-range", "face-mesh"} <= set(cards)


PROVENANCE = """
[provenance]
licence_stated_by = "its author"
training_data = "undisclosed"
"""
FIGURE = """
[[provenance.groups]]
group = "{group}"
fpir_percent_low = {low}
fpir_percent_high = {high}
source = "drawn by hand"
"""


def test_every_embedder_says_where_it_comes_from_and_whom_it_serves_worse() -> None:
    embedders = [card for card in default_store().cards.values() if card.role == "embedder"]

    assert {card.id for card in embedders} == {"dlib-resnet-v1", "omz-0095", "sface-2021dec"}
    groups = []
    for card in embedders:
        assert card.provenance is not None
        groups.append({figure.group for figure in card.provenance.groups})
    assert len(groups[0]) == 4
    assert groups[0] == groups[1] == groups[2]


@pytest.mark.parametrize(
    ("figures", "reason"),
    [
        ([("adults", 2.0, 1.0)], "must not exceed"),
        ([("adults", 0.0, 101.0)], "less than or equal to 100"),
        ([("All adults", 0.0, 1.0)], "pattern"),
        ([("adults", 0.0, 1.0), ("adults", 0.0, 2.0)], "two figures have the same group"),
    ],
)
def test_odd_figures_by_group_are_refused(
    tmp_path: Path, figures: list[tuple[str, float, float]], reason: str
) -> None:
    path = tmp_path / "card.toml"
    rows = [FIGURE.format(group=group, low=low, high=high) for group, low, high in figures]
    path.write_text(EMBEDDER + PROVENANCE + "".join(rows))

    with pytest.raises(CardError, match=reason):
        read_card(path)
