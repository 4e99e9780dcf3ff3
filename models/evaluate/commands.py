"""What each command of the command line does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.evaluate import report
from models.evaluate.calibration import ENROLLED, calibrate, write_calibration
from models.evaluate.class_commands import add_classes, add_parts, classes, parts
from models.evaluate.clip_commands import add_fused, add_tracks, fused, tracks
from models.evaluate.gate import compare
from models.evaluate.identification import Design, TooFewPeopleError, run_trials
from models.evaluate.inputs import (
    DEFAULT_MODEL,
    data_of,
    embedded_of,
    in_words,
    name_of,
)
from models.evaluate.intervals import operating_points
from models.evaluate.plots import Curve, draw_det
from models.evaluate.progress import Progress
from models.evaluate.rules import RULES
from models.evaluate.scale import LEVELS, all_pairs, find_scale, levels_at
from models.evaluate.verification import score_pairs, verify

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from models.evaluate.faces import EmbeddedSet
    from models.evaluate.identification import Trials

_CURVE_FPIRS = np.geomspace(1e-4, 0.3, 40)


def verification(options: Namespace) -> bool:
    """Tell pairs of pictures apart."""
    rows, curves = [], []
    data = data_of(options)
    pairs = data.pairs_or_drawn(options.seed)
    rule = RULES[options.rule]
    for model in options.model:
        embedded = embedded_of(options, data, model)
        result = verify(score_pairs(embedded, pairs, rule), seed=options.seed)
        rows.append(report.verification_row(name_of(embedded), rule.words, result))
        curves.append(Curve(name_of(embedded), [float(v) for v in result.fmr], result.fnmr))
    _write(report.table(report.VERIFICATION_HEAD, rows))
    if options.plot:
        draw_det(options.plot, curves, ("FMR", "FNMR"), f"{len(pairs)} pairs")
    return True


def identification(options: Namespace) -> bool:
    """Find scanned people among the enrolled, and strangers not."""
    rows, curves = [], []
    data = data_of(options)
    for model in options.model:
        embedded = embedded_of(options, data, model)
        for design in _designs(options):
            try:
                trials = _trials(options, embedded, design)
            except TooFewPeopleError as error:
                row = report.refused_row(name_of(embedded), design, str(error), len(options.fpir))
                rows.append(row)
                continue
            points = operating_points(trials, options.fpir, seed=options.seed)
            row = report.identification_row(
                name_of(embedded), design, trials.eligible, points, digits=options.digits
            )
            rows.append(row)
            if options.plot:
                curves += _det(trials, f"{name_of(embedded)}: {_words(design)}")
    _write(report.table(report.identification_head(options.fpir), rows))
    if options.plot:
        draw_det(options.plot, curves, ("FPIR", "FNIR"), RULES[options.rule].words)
    return True


def calibration(options: Namespace) -> bool:
    """Measure how far strangers lie apart, and write it into the embedder's card."""
    data = data_of(options)
    embedded = embedded_of(options, data, options.model)
    progress = Progress("curves", len(ENROLLED))
    found = calibrate(
        embedded,
        RULES[options.rule],
        options.words or in_words(options, data),
        advance=progress.advance,
    )
    write_calibration(options.card, found)
    _write(f"{len(found.curves)} curves written into {options.card.name}\n")
    return True


def gate(options: Namespace) -> bool:
    """Refuse a model that is not shown to be about as good as the present one."""
    data = data_of(options)
    present = embedded_of(options, data, options.present)
    candidate = embedded_of(options, data, options.candidate)
    design = Design(options.gallery, strangers="all", seed=options.seed)
    pairs = data.pairs_or_drawn(options.seed)
    verdict = compare(present, candidate, pairs, RULES[options.rule], design)
    _write(verdict.sentence(options.candidate, options.present) + "\n")
    return verdict.passes


def scale(options: Namespace) -> bool:
    """Find the distances of a network that stand for those of the common scale."""
    data, rule = data_of(options), RULES[options.rule]
    pairs, reference = (
        all_pairs(embedded_of(options, data, model), rule)
        for model in (options.model, options.reference)
    )
    levels = (*LEVELS, *levels_at(reference))
    rows = [report.scale_row(point) for point in find_scale(pairs, reference, levels)]
    _write(report.table(report.SCALE_HEAD, rows))
    return True


def _add_models(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model", nargs="+", default=[DEFAULT_MODEL], help="references of embedder cards"
    )
    parser.add_argument("--plot", type=Path, help="PNG to write, with curves and their bands")


def _add_identification(parser: ArgumentParser) -> None:
    _add_models(parser)
    add = parser.add_argument
    add("--gallery", nargs="+", type=int, default=[30], help="people enrolled at a time")
    add("--enrolled", nargs="+", type=int, default=[1, 3], help="pictures in a template")
    add("--probes", nargs="+", type=int, default=[1, 3], help="pictures fused into a probe")
    add("--fpir", nargs="+", type=float, default=[1e-2, 1e-3, 1e-4], help="shares of strangers")
    add("--digits", type=int, default=1, help="of shares, after the decimal point")
    add("--draws", type=int, default=300, help="times that people are drawn")
    add("--strangers", choices=("all", "single"), default="all", help="who is not enrolled, or"
        " people with a single picture only")  # fmt: skip


def _add_calibration(parser: ArgumentParser) -> None:
    parser.add_argument("--model", default=DEFAULT_MODEL, help="reference of an embedder card")
    parser.add_argument("--card", type=Path, required=True, help="the card to write into")
    parser.add_argument("--words", help="what the data are, for the card")


def _add_scale(parser: ArgumentParser) -> None:
    parser.add_argument("--model", required=True, help="reference of the embedder card")
    parser.add_argument(
        "--reference", default=DEFAULT_MODEL, help="the one whose distances are the scale"
    )


def _add_gate(parser: ArgumentParser) -> None:
    parser.add_argument("--present", default=DEFAULT_MODEL, help="reference of the model in use")
    parser.add_argument("--candidate", required=True, help="reference of the one to replace it")
    parser.add_argument("--gallery", type=int, default=30, help="people enrolled at a time")


COMMANDS: dict[str, tuple[Callable[[ArgumentParser], None], Callable[[Namespace], bool]]] = {
    "verification": (_add_models, verification),
    "identification": (_add_identification, identification),
    "tracks": (add_tracks, tracks),
    "fused": (add_fused, fused),
    "calibrate": (_add_calibration, calibration),
    "classes": (add_classes, classes),
    "parts": (add_parts, parts),
    "scale": (_add_scale, scale),
    "gate": (_add_gate, gate),
}
"""By name: what adds the options, and what runs and says whether all is well."""


def _designs(options: Namespace) -> list[Design]:
    return [
        Design(gallery, enrolled, probes, options.draws, options.strangers, options.seed)
        for gallery in options.gallery
        for enrolled in options.enrolled
        for probes in options.probes
    ]


def _trials(options: Namespace, embedded: EmbeddedSet, design: Design) -> Trials:
    progress = Progress(f"{name_of(embedded)}, {_words(design)}", design.draws)
    return run_trials(embedded, RULES[options.rule], design, progress.advance)


def _det(trials: Trials, label: str) -> list[Curve]:
    points = operating_points(trials, [float(fpir) for fpir in _CURVE_FPIRS], resamples=200)
    stated = [(point.fpir, point.fnir) for point in points if point.fnir is not None]
    if len(stated) < 2:
        return []
    return [Curve(label, [fpir for fpir, _ in stated], [fnir for _, fnir in stated])]


def _words(design: Design) -> str:
    return f"{design.enrolled} enrolled, {design.probes} fused, {design.gallery_size} people"


def _write(text: str) -> None:
    sys.stdout.write(text)
