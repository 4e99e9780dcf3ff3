"""Folders and lists of pairs are read as they are, or refused by line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.evaluate.dataset import DataSet, DataSetError, Pair, Picture, half_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for person, count in {"ann": 3, "ben": 2, "cy": 1}.items():
        (tmp_path / person).mkdir()
        for number in range(count):
            (tmp_path / person / f"{number}.jpg").write_bytes(b"")
    (tmp_path / "ann" / "notes.txt").write_text("no picture")
    (tmp_path / "nobody").mkdir()
    return tmp_path


def test_people_are_folders_with_pictures(folder: Path) -> None:
    data = DataSet.read(folder)

    assert {name: len(own) for name, own in data.pictures.items()} == {"ann": 3, "ben": 2, "cy": 1}
    assert data.pairs == ()


def test_listed_pairs_are_read(folder: Path) -> None:
    (folder / "pairs.tsv").write_text("ann\t1\t3\nann\t2\tben\t1\n")

    pairs = DataSet.read(folder).pairs

    assert pairs == (
        Pair(Picture("ann", 1), Picture("ann", 3)),
        Pair(Picture("ann", 2), Picture("ben", 1)),
    )
    assert [pair.is_same for pair in pairs] == [True, False]


@pytest.mark.parametrize(
    "line", ["ann\t1", "ann\t1\tx", "ann\t1\t4", "dan\t1\tann\t1", "ann\t0\t1"]
)
def test_a_line_that_names_no_pair_is_refused_by_number(folder: Path, line: str) -> None:
    (folder / "pairs.tsv").write_text(f"ann\t1\t2\n{line}\n")

    with pytest.raises(DataSetError, match="line 2"):
        DataSet.read(folder)


def test_pairs_are_drawn_where_none_are_listed(folder: Path) -> None:
    data = DataSet.read(folder)

    pairs = data.pairs_or_drawn(seed=0)

    assert pairs == data.pairs_or_drawn(seed=0)
    assert sum(pair.is_same for pair in pairs) == 4  # three pairs of Ann's, one of Ben's
    assert len(pairs) == 8


@pytest.mark.parametrize("missing", ["nowhere", "ann"])
def test_a_folder_without_people_is_refused(folder: Path, missing: str) -> None:
    with pytest.raises(DataSetError):
        DataSet.read(folder / missing)


def test_halves_share_nobody_and_leave_out_nobody(folder: Path) -> None:
    (folder / "pairs.tsv").write_text("ann\t1\t2\nann\t2\tben\t1\n")
    data = DataSet.read(folder)
    tune, report = data.half("tune"), data.half("report")

    assert set(tune.pictures) | set(report.pictures) == set(data.pictures)
    assert not set(tune.pictures) & set(report.pictures)
    assert all(half_of(name) == "tune" for name in tune.pictures)
    assert data.half("all") is data
    for half in (tune, report):
        assert all({p.first.person, p.second.person} <= set(half.pictures) for p in half.pairs)
