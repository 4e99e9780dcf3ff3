"""The files of cards that come out of packages of the package index, such as MediaPipe's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.cli.index import Archive, PackageMember
from models.store import PackageOrigin

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


def _members(card: ModelCard, origin: PackageOrigin) -> list[PackageMember]:
    return [
        PackageMember(path, f"models/{file.name}", file.sha256)
        for path, file in zip(origin.members, card.files, strict=True)
    ]
