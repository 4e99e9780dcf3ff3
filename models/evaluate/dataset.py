"""Data sets of the form one folder per person, and lists of pairs of their pictures."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

import numpy as np

from models.errors import ModelsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Half = Literal["all", "tune", "report"]
_PICTURES = {".jpg", ".jpeg", ".png", ".webp"}
PAIRS_NAME = "pairs.tsv"


class DataSetError(ModelsError):
    """A folder that is not such a data set."""


@dataclass(frozen=True)
class Picture:
    """One picture of a person.

    Attributes:
        person: name of the folder it lies in.
        number: 1 for the first of the folder by name.
    """

    person: str
    number: int


@dataclass(frozen=True)
class Pair:
    """Two pictures, and whether they show one person."""

    first: Picture
    second: Picture

    @property
    def is_same(self) -> bool:
        """Whether both pictures are of one person."""
        return self.first.person == self.second.person


@dataclass(frozen=True)
class DataSet:
    """People and their pictures.

    Attributes:
        pictures: by person, in the order of the file names.
        pairs: those of `pairs.tsv`; empty without one.
    """

    pictures: Mapping[str, tuple[Path, ...]]
    pairs: tuple[Pair, ...] = ()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read a folder that holds one folder of pictures per person.

        Args:
            folder: `pairs.tsv` in it is read too: `person<TAB>n<TAB>m` for two pictures of one
                person, `person<TAB>n<TAB>other<TAB>m` for two people.

        Raises:
            DataSetError: there are fewer than two people, or a pair names what is not there.
        """
        if not folder.is_dir():
            raise DataSetError(f"there is no folder {folder}")
        found = {path.name: _pictures(path) for path in sorted(folder.iterdir()) if path.is_dir()}
        pictures = {name: paths for name, paths in found.items() if paths}
        if len(pictures) < 2:
            raise DataSetError(f"{folder} must hold one folder of pictures for each person")
        listed = folder / PAIRS_NAME
        return cls(pictures, _read_pairs(listed, pictures) if listed.is_file() else ())

    def half(self, half: Half) -> Self:
        """Keep the people of one half; a person's half follows from the name alone.

        Choices are made on `tune` and figures given on `report`, so that no figure is of people
        whose pictures had a say in the choice. Pairs stay when both people do.
        """
        if half == "all":
            return self
        kept = {name: own for name, own in self.pictures.items() if half_of(name) == half}
        pairs = (
            pair for pair in self.pairs if {pair.first.person, pair.second.person} <= set(kept)
        )
        return type(self)(kept, tuple(pairs))

    def pairs_or_drawn(self, seed: int) -> tuple[Pair, ...]:
        """The listed pairs, or all pairs within people and as many drawn between people."""
        return self.pairs or _draw_pairs(self.pictures, np.random.default_rng(seed))


def half_of(person: str) -> Literal["tune", "report"]:
    """Name the half a person belongs to."""
    return "tune" if hashlib.sha256(person.encode()).digest()[0] % 2 else "report"


def _pictures(folder: Path) -> tuple[Path, ...]:
    return tuple(path for path in sorted(folder.iterdir()) if path.suffix.lower() in _PICTURES)


def _read_pairs(path: Path, pictures: Mapping[str, tuple[Path, ...]]) -> tuple[Pair, ...]:
    pairs = []
    for line_number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        fields = line.split("\t")
        try:
            if len(fields) == 3:
                fields.insert(2, fields[0])
            person, number, other, other_number = fields
            pair = Pair(Picture(person, int(number)), Picture(other, int(other_number)))
        except ValueError as error:
            raise DataSetError(f"{path.name}, line {line_number}: not a pair") from error
        for picture in (pair.first, pair.second):
            if not 1 <= picture.number <= len(pictures.get(picture.person, ())):
                raise DataSetError(f"{path.name}, line {line_number}: there is no such picture")
        pairs.append(pair)
    return tuple(pairs)


def _draw_pairs(
    pictures: Mapping[str, tuple[Path, ...]], random: np.random.Generator
) -> tuple[Pair, ...]:
    same = [
        Pair(Picture(person, first), Picture(person, second))
        for person, own in pictures.items()
        for first in range(1, len(own) + 1)
        for second in range(first + 1, len(own) + 1)
    ]
    names = list(pictures)
    different = []
    for _ in same:
        first, second = (names[index] for index in random.choice(len(names), 2, replace=False))
        different.append(
            Pair(
                Picture(first, int(random.integers(len(pictures[first]))) + 1),
                Picture(second, int(random.integers(len(pictures[second]))) + 1),
            )
        )
    return (*same, *different)
