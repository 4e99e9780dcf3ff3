"""What comes out of packages of the package index: files of cards, and files to translate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.cli.index import Archive, PackageMember
from models.store import OnnxOrigin, PackageOrigin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from models.store import ModelCard


def packaged_archives(cards: Iterable[ModelCard]) -> list[Archive]:
    """Return what the package index has for these cards, each archive once with all its members.

    Cards from elsewhere are left out.
    """
    origins: dict[str, PackageOrigin] = {}
    members: dict[str, list[PackageMember]] = {}
    for card in cards:
        if isinstance(card.origin, PackageOrigin):
            origins[card.origin.sha256] = card.origin
            members.setdefault(card.origin.sha256, []).extend(_members(card, card.origin))
    return [
        Archive(origin.requirement, origin.file, origin.sha256, tuple(members[digest]))
        for digest, origin in origins.items()
    ]


def source_archive(origin: OnnxOrigin) -> Archive:
    """Return the package with the ONNX file of a card; see `source_target` for where it goes."""
    member = PackageMember(origin.member, source_target(origin), origin.source.sha256)
    return Archive(origin.requirement, origin.file, origin.sha256, (member,))


def source_target(origin: OnnxOrigin) -> str:
    """Say where a card's ONNX file lies, below the asset folder."""
    return f"sources/{origin.source.name}"


def source_archives(cards: Iterable[ModelCard]) -> list[Archive]:
    """Return the packages with files that these cards' models are translated from."""
    return [source_archive(card.origin) for card in cards if isinstance(card.origin, OnnxOrigin)]


def _members(card: ModelCard, origin: PackageOrigin) -> list[PackageMember]:
    return [
        PackageMember(path, f"models/{file.name}", file.sha256)
        for path, file in zip(origin.members, card.files, strict=True)
    ]
