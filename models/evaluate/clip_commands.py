"""The commands on clips: `tracks` and `fused`."""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

from models.evaluate import report
from models.evaluate.calibration import write_calibration
from models.evaluate.fused_frames import fused_limits
from models.evaluate.inputs import (
    DEFAULT_MODEL,
    calibration_of,
    data_of,
    name_of,
    read_set,
    reader_of,
)
from models.evaluate.progress import Progress
from models.evaluate.rules import RULES
from models.evaluate.tracks import TrackDesign, read_people, read_tracks, scan_tracks
from models.store import read_card

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace


def tracks(options: Namespace) -> bool:
    """Find people in clips among templates of other clips and of the data set."""
    rows = []
    data = data_of(options)
    people = read_people(options.people)
    for model in options.model:
        reader = reader_of(options, model)
        embedded = read_set(reader, data)
        found = read_tracks(
            options.clips, people, reader, advance=Progress("clips", len(people)).advance
        )
        for enrolled, fused, fpir in product(options.enrolled, options.fused, options.fpir):
            design = TrackDesign(enrolled, fused, options.gallery, fpir, seed=options.seed)
            rule, limits = RULES[options.rule], calibration_of(reader.card)
            result = scan_tracks(found, embedded, rule, design, limits)
            rows.append(report.track_row(name_of(embedded), design, result))
    sys.stdout.write(report.table(report.TRACK_HEAD, rows))
    return True


def fused(options: Namespace) -> bool:
    """Measure whether fused frames of a clip come nearer to other people than one frame."""
    rows = []
    data = data_of(options)
    people = read_people(options.people)
    for model in options.model:
        reader = reader_of(options, model)
        embedded = read_set(reader, data)
        found = read_tracks(
            options.clips, people, reader, advance=Progress("clips", len(people)).advance
        )
        nearest = 0.0
        for count in options.fused:
            limits = fused_limits(found, embedded, RULES[options.rule], count, options.fmr)
            rows += [report.fused_row(name_of(embedded), count, one) for one in limits]
            nearest = min(nearest, *(one.shift.estimate for one in limits))
        if options.card:
            calibration = calibration_of(read_card(options.card))
            changed = calibration.model_copy(update={"fused_shift": round(-nearest, 4)})
            write_calibration(options.card, changed)
    sys.stdout.write(report.table(report.FUSED_HEAD, rows))
    return True


def add_tracks(parser: ArgumentParser) -> None:
    """Add the options."""
    _add_clips(parser)
    add = parser.add_argument
    add("--gallery", type=int, default=30, help="people enrolled at a time")
    add("--enrolled", nargs="+", type=int, default=[1, 3], help="frames in a template")
    add("--fused", nargs="+", type=int, default=[1, 3, 10], help="frames in a row in a probe")
    add("--fpir", nargs="+", type=float, default=[1e-2, 1e-3], help="of the calibrated limits")


def add_fused(parser: ArgumentParser) -> None:
    """Add the options."""
    _add_clips(parser)
    parser.add_argument("--fused", nargs="+", type=int, default=[3, 10], help="frames in a row")
    parser.add_argument(
        "--fmr", nargs="+", type=float, default=[1e-2, 1e-3, 1e-4], help="shares of comparisons"
    )
    parser.add_argument(
        "--card", type=Path, help="the card to write the largest difference into; for one model"
    )


def _add_clips(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", nargs="+", default=[DEFAULT_MODEL], help="references of embedder cards")
    add("--clips", type=Path, required=True, help="folder of <clip>.mkv")
    add("--people", type=Path, required=True, help="lines of clip, tab, person")
