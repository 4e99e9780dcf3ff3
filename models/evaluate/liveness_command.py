"""The command `liveness`: live clips and attacks made from them, tables as Markdown."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from typing import TYPE_CHECKING

from models.evaluate.attacks import INSTRUMENTS, render
from models.evaluate.liveness import (
    TUNING,
    Clip,
    Presentation,
    cache_path,
    find_clips,
    load,
    open_pipeline,
    photo_source,
    present,
    save,
    watch,
)
from models.evaluate.liveness_challenge import challenge_report
from models.evaluate.liveness_report import report
from models.evaluate.progress import Progress

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

_HELD = INSTRUMENTS[0]


def add_liveness(parser: ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: %(default)s)")


def liveness(options: Namespace) -> bool:
    """Show live clips and attacks made from them to the passive liveness check."""
    shown = gather_presentations(options.data, options.cache, options.seed, options.jobs)
    half = {"all": None, "tune": True, "report": False}[options.half]
    chosen = [p for p in shown if half is None or _is_tuning(p) == half]
    sys.stdout.write(f"{report(chosen)}\n{challenge_report(chosen)}")
    return True


def gather_presentations(data: Path, cache: Path, seed: int, jobs: int) -> list[Presentation]:
    """Make, or read again, all presentations of a folder.

    Args:
        data: clips, or a folder with `clips` and perhaps `spoof` in it.
        cache: keeps the check's numbers, and no picture.
        seed: of the attacks.
        jobs: processes, > 0.

    Raises:
        LivenessDataError: there are no clips.
    """
    makers = {c.path: partial(_of_clip, c, seed) for c in find_clips(data)}
    makers |= {p: partial(_of_photo, p, seed) for p in sorted((data / "spoof").glob("*.jpg"))}
    places = {path: cache_path(cache, path, seed) for path in makers}
    missing = [path for path, place in places.items() if not place.is_file()]
    progress = Progress("clips", len(missing))
    with ProcessPoolExecutor(jobs) as pool:
        tasks = {pool.submit(makers[path]): places[path] for path in missing}
        for task in as_completed(tasks):
            save(tasks[task], task.result())
            progress.advance()
    return [shown for place in places.values() for shown in load(place)]


def _of_clip(clip: Clip, seed: int) -> list[Presentation]:
    return present(clip, open_pipeline(), seed)


def _of_photo(path: Path, seed: int) -> list[Presentation]:
    """A photo, printed: of an attack or not, it is one now."""
    pipeline = open_pipeline()
    source = photo_source(path, pipeline)
    samples = watch(render(_HELD, source, seed), source.times_s, pipeline)
    return [Presentation("photo of spoof/, printed and held", path.stem, "spoof", samples)]


def _is_tuning(presentation: Presentation) -> bool:
    return presentation.person in TUNING
