"""What happens to turned photos, upright photos and drawings on their way to a template.

    python -m scripts.bench.pictures FOLDER... [--every N]

FOLDER holds folders of upright photos with one main face. Each photo is given to the ML service's
own code as it is and turned by 90, 180 and 270 degrees, and its template is compared with that of
the upright photo. Drawings come from `scripts.bench.drawings`; the limits were chosen on other
pictures of the known styles.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.pipeline import FacePipeline, PipelineSettings
from models.service.config import Settings
from models.service.finding import FaceFinder
from models.stages.upright import turned
from models.store import default_store
from scripts.bench.drawings import HELD_BACK_STYLES, STYLES, drawing

if TYPE_CHECKING:
    from models.service.finding import PhotoFaces
    from models.stages.images import BGRImage, FloatVector

NEAR = 0.45  # on the scale of the limits: within the confident one for a class of 30
EACH = 100
_LENGTH = 1.43


class Reader:
    """Takes pictures as far as the template of their largest face."""

    def __init__(self) -> None:
        settings = Settings(api_key="a key for measurements")
        self._pipeline = FacePipeline.open(default_store(), PipelineSettings())
        self._finder = FaceFinder(self._pipeline, self._pipeline, settings)

    def find(self, picture_bgr: BGRImage) -> PhotoFaces:
        """Find its faces, upright."""
        return self._finder.find_upright(picture_bgr)

    def template(self, found: PhotoFaces) -> FloatVector | None:
        """Embed the largest face."""
        if not found.faces:
            return None
        vector = self._pipeline.embed(found.picture_bgr, found.faces[0].landmarks)
        return np.asarray(vector / np.linalg.norm(vector) * _LENGTH, np.float32)


def outcome(reader: Reader, picture_bgr: BGRImage, quarters: int, upright: FloatVector) -> str:
    """Name what happens to a photo that was turned counter-clockwise."""
    found = reader.find(turned(picture_bgr, quarters))
    template = reader.template(found)
    if template is None:
        return found.reason or "no template"
    if found.turned_deg != quarters * 90:
        return "wrong way up"
    return "turned, near" if np.linalg.norm(template - upright) < NEAR else "turned, far"


def count(reader: Reader, paths: list[Path], every: int) -> dict[int, Counter[str]]:
    """Count the outcomes by degrees; of so many photos one is turned as well."""
    outcomes: dict[int, Counter[str]] = {quarters * 90: Counter() for quarters in range(4)}
    for number, path in enumerate(paths):
        picture = np.asarray(cv2.imread(str(path)), np.uint8)
        found = reader.find(picture)
        upright = reader.template(found)
        if upright is None or found.turned_deg:
            outcomes[0][found.reason or "wrong way up"] += 1
            continue
        outcomes[0]["template"] += 1
        for quarters in (1, 2, 3) if number % every == 0 else ():
            outcomes[quarters * 90][outcome(reader, picture, quarters, upright)] += 1
    return outcomes


def wilson(times: int, total: int) -> tuple[float, float]:
    """95 % interval of a share. Source: Wilson, JASA 22, 1927."""
    share, square = times / total, 1.96**2
    middle = share + square / (2 * total)
    half = 1.96 * float(np.sqrt(share * (1 - share) / total + square / (4 * total**2)))
    whole = 1 + square / total
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def print_photos(reader: Reader, folder: Path, every: int) -> None:
    """Print the table of one set."""
    outcomes = count(reader, sorted(folder.glob("*/*.jpg")), every)
    for degrees, found in outcomes.items():
        total = sum(found.values())
        for name, times in sorted(found.items(), key=lambda item: -item[1]):
            low, high = wilson(times, total)
            print(
                f"| {folder.name} | {degrees}° | {name} | {times} of {total} | {times / total:.2%}"
                f" | {low:.2%} to {high:.2%} |"
            )
        sys.stdout.flush()


def print_drawings(reader: Reader) -> None:
    """Print how many of each style are refused."""
    for style in (*STYLES, *HELD_BACK_STYLES):
        refused = sum(not reader.find(drawing(style, number)).faces for number in range(EACH))
        low, high = wilson(refused, EACH)
        kind = "new" if style in HELD_BACK_STYLES else "known"
        print(f"| {style} | {kind} | {refused} of {EACH} | {low:.1%} to {high:.1%} |")


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="*")
    parser.add_argument("--every", type=int, default=1, help="of so many photos turn one")
    options = parser.parse_args()
    reader = Reader()
    if options.folder:
        print("| set | turned by | outcome | photos | share | 95 % interval |")
        print("|---|---|---|---|---|---|")
    for folder in options.folder:
        print_photos(reader, folder, options.every)
    print("\n| style | known when the limits were chosen | refused | 95 % interval |")
    print("|---|---|---|---|")
    print_drawings(reader)
    return 0


if __name__ == "__main__":
    sys.exit(main())
