"""Reads manifest.toml: which files come out of which package."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from models.cli.index import Archive, PackageMember

MANIFEST = Path(__file__).with_name("manifest.toml")


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
            tuple(PackageMember(m["path"], m["target"], m["sha256"]) for m in entry["members"]),
        )
        for entry in document["archives"]
    )
    people = tuple(
        Person(entry["id"], tuple(entry["enrol"]), tuple(entry["appear"]))
        for entry in document.get("people", [])
    )
    return Manifest(archives, people)
