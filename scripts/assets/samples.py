"""The people on the sample photos, as the demo and the tests use them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from models.store import asset_folder
from scripts.assets.manifest import read_manifest

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class SamplePerson:
    """Someone on the sample photos.

    Attributes:
        id: neutral, such as `person-1`.
        enrol: photos to enrol with; empty for the stranger.
        appear: photos in which the person comes to the kiosk.
    """

    id: str
    enrol: tuple[Path, ...]
    appear: tuple[Path, ...]

    @property
    def is_stranger(self) -> bool:
        """Whether the person is never enrolled."""
        return not self.enrol


def people(folder: Path | None = None) -> tuple[SamplePerson, ...]:
    """List the people, those to enrol first.

    Args:
        folder: the asset folder; by default the one that scripts/fetch_assets fills.
    """
    root = asset_folder() if folder is None else folder
    return tuple(
        SamplePerson(
            person.id,
            tuple(root / name for name in person.enrol),
            tuple(root / name for name in person.appear),
        )
        for person in read_manifest().people
    )
