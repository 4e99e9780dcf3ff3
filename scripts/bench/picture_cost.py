"""What turning, checking and decoding a photo costs: CPU time of an encode, memory of a decode.

    python -m scripts.bench.picture_cost PHOTO [--rounds 60]

Each step is measured in turns with what it replaced: OpenCV's own decoding, and faces as they are.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from models.pipeline import FacePipeline, PipelineSettings
from models.service.config import Settings
from models.service.finding import FaceFinder
from models.service.variations import embed_views
from models.stages.decode import decode_image
from models.store import default_store

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZES = {
    "12 MP": (4000, 3000),
    "24 MP": (5712, 4284),
    "48 MP": (8064, 6048),
    "200 MP": (16_320, 12_240),
}
_MEGABYTE = 1024


def encoders(photo: bytes) -> dict[str, Callable[[], None]]:
    """Encode a photo as before and as now."""
    pipeline = FacePipeline.open(default_store(), PipelineSettings())
    finder = FaceFinder(pipeline, pipeline, Settings(api_key="a key for measurements"))

    def before() -> None:
        found = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
        picture = np.asarray(found, np.uint8)
        embed_views(pipeline, picture, finder.find(picture)[0].landmarks, 2)

    def now() -> None:
        found = finder.find_upright(decode_image(photo, max_pixels=50_000_000))
        embed_views(pipeline, found.picture_bgr, found.faces[0].landmarks, 2)

    return {"as before": before, "decoded, turned, checked": now}


def median_ms(jobs: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Run the jobs in turns; CPU time of this process."""
    taken: dict[str, list[float]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            started = time.process_time()
            job()
            taken[name].append((time.process_time() - started) * 1000)
    return {name: float(np.median(own)) for name, own in taken.items()}


def peak_mb(path: Path, how: str) -> float:
    """Memory that decoding a file adds, in a process for this alone."""
    answer = subprocess.run(
        [sys.executable, "-m", "scripts.bench.picture_cost", str(path), "--decode", how],
        check=True,
        capture_output=True,
        text=True,
    )
    return float(answer.stdout)


def decode_once(path: Path, how: str) -> None:
    """Decode and print by how much the peak grew, MB."""
    data = path.read_bytes()
    small = cv2.imencode(".jpg", np.zeros((64, 64, 3), np.uint8))[1].tobytes()
    decode_image(small, max_pixels=10_000)
    before = _peak_kb()
    if how == "full":
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    else:
        decode_image(data, max_pixels=50_000_000, max_jpeg_pixels=250_000_000)
    print((_peak_kb() - before) / _MEGABYTE)


def _peak_kb() -> int:
    """Unlike `getrusage`, it does not begin with the memory of the parent process."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])


def print_memory(photo: bytes, folder: Path) -> None:
    """Print the table of photos enlarged to the sizes of phones."""
    picture = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    print("| photo | decoded in full, MB | now, MB |\n|---|---|---|")
    for name, size in _SIZES.items():
        path = folder / "large.jpg"
        cv2.imwrite(str(path), cv2.resize(picture, size))
        print(f"| {name} | {peak_mb(path, 'full'):.0f} | {peak_mb(path, 'now'):.0f} |")
        path.unlink()


def main() -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("photo", type=Path)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--decode", choices=["full", "now"], help="for the measurement itself")
    options = parser.parse_args()
    if options.decode:
        decode_once(options.photo, options.decode)
        return 0
    photo = options.photo.read_bytes()
    print("| encode | median CPU, ms |\n|---|---|")
    for name, taken in median_ms(encoders(photo), options.rounds).items():
        print(f"| {name} | {taken:.1f} |")
    print()
    with tempfile.TemporaryDirectory() as folder:
        print_memory(photo, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
