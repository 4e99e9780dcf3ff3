"""The commands on people who look alike: `classes` and `parts`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from models.evaluate import report
from models.evaluate.calibration import write_calibration
from models.evaluate.classes import CLASS_SIZE, scan_drawn, scan_similar
from models.evaluate.comparisons import compare_all, resemblance
from models.evaluate.identification import TooFewPeopleError
from models.evaluate.inputs import (
    DEFAULT_MODEL,
    calibration_of,
    data_of,
    name_of,
    read_set,
    reader_of,
)
from models.evaluate.parts import named, rates_within, read_parts
from models.evaluate.rules import RULES
from models.stages.limits import explained_limit
from models.store import ClassRate, read_card

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Iterator

    from models.evaluate.classes import ClassScans, Kind
    from models.evaluate.comparisons import Comparisons, Indices
    from models.evaluate.faces import EmbeddedSet
    from models.store import Calibration

_ROUNDS = 8
_PARTS_NAME = "people.tsv"


def classes(options: Namespace) -> bool:
    """Let strangers scan at classes of people drawn at random, of one sex, and alike."""
    rows, rates = [], list[ClassRate]()
    data = data_of(options)
    for model in options.model:
        reader = reader_of(options, model)
        calibration = calibration_of(reader.card)
        embedded = read_set(reader, data)
        for enrolled in options.enrolled:
            found = _compared(embedded, options, enrolled)
            for kind, scans in _kinds(options, embedded, found):
                stated = [
                    _rate(options, calibration, (kind, enrolled, fpir), scans)
                    for fpir in options.fpir
                ]
                rows.append(report.class_row(name_of(embedded), stated))
                rates += stated
    sys.stdout.write(report.table(report.class_head(options.fpir), rows))
    if options.card:
        _state(options.card, rates)
    return True


def parts(options: Namespace) -> bool:
    """Measure errors within parts of a data set: by sex and by decade of birth."""
    rows = []
    data = data_of(options)
    for model in options.model:
        reader = reader_of(options, model)
        embedded = read_set(reader, data)
        found = _compared(embedded, options, 1)
        names = sorted(embedded.faces)
        known = read_parts(options.data / _PARTS_NAME) | {"everybody": frozenset(names)}
        for fmr in options.fmr:
            limit = _limit_at(found, fmr)
            for part, people in known.items():
                rates = rates_within(found, named(names, people), limit)
                if rates is not None:
                    rows.append(report.part_row(name_of(embedded), fmr, part, rates))
    sys.stdout.write(report.table(report.PART_HEAD, rows))
    return True


def add_classes(parser: ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--model", nargs="+", default=[DEFAULT_MODEL], help="references of embedder cards")
    add("--enrolled", nargs="+", type=int, default=[1, 3], help="pictures in a template")
    add("--fpir", nargs="+", type=float, default=[1e-2, 1e-4], help="of the calibrated limits")
    add("--card", type=Path, help="the card to write the rates into; for one model")


def add_parts(parser: ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--model", nargs="+", default=[DEFAULT_MODEL], help="references of embedder cards")
    add("--fmr", nargs="+", type=float, default=[1e-2, 1e-3], help="of the whole data set")


def _compared(embedded: EmbeddedSet, options: Namespace, enrolled: int) -> Comparisons:
    found = compare_all(embedded, RULES[options.rule], enrolled, _ROUNDS)
    if found is None:
        raise TooFewPeopleError(f"nobody has more than {enrolled} pictures")
    return found


def _kinds(
    options: Namespace, embedded: EmbeddedSet, found: Comparisons
) -> Iterator[tuple[Kind, ClassScans]]:
    names = sorted(embedded.faces)
    yield "random", scan_drawn(found, np.arange(len(names)), options.seed)
    yield "similar", scan_similar(found, resemblance(embedded, RULES[options.rule]))
    listed = options.data / _PARTS_NAME
    known = read_parts(listed) if listed.is_file() else {}
    for sex in ("women", "men"):
        among: Indices = named(names, known.get(sex, frozenset()))
        if np.isin(found.templates, among).sum() > CLASS_SIZE:
            yield sex, scan_drawn(found, among, options.seed)


def _rate(
    options: Namespace, calibration: Calibration, what: tuple[Kind, int, float], scans: ClassScans
) -> ClassRate:
    kind, enrolled, fpir = what
    limit = explained_limit(calibration, fpir, CLASS_SIZE).distance
    found = scans.alarms(limit)
    low, high = round(found.low, 7), round(found.high, 7)
    return ClassRate(
        data=options.data.resolve().name,
        kind=kind,
        people=scans.members,
        enrolled=enrolled,
        target_fpir=fpir,
        fpir=min(max(round(found.estimate, 7), low), high),
        interval=(low, high),
    )


def _limit_at(found: Comparisons, fmr: float) -> float:
    """The distance below which this share of the comparisons of two people lies."""
    is_other = found.probes[:, None] != found.templates[None]
    return float(np.quantile(np.concatenate([apart[is_other] for apart in found.apart]), fmr))


def _state(path: Path, rates: list[ClassRate]) -> None:
    """Write the rates into a card, in place of earlier ones of the same data set."""
    calibration = calibration_of(read_card(path))
    data = {rate.data for rate in rates}
    kept = [rate for rate in calibration.classes if rate.data not in data]
    write_calibration(path, calibration.model_copy(update={"classes": (*kept, *rates)}))
