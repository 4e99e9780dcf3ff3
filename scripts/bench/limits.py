"""Limits that a kiosk keeps to by default, and how well the line beyond the measured ones holds.

The limit is the same for any number of photos; behind it stands the share of single frames that it
misses with so many.

    python -m scripts.bench.limits [MODEL ...]

Needs no data: everything is in the cards.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from kiosk.domain.matching import MatchRules
from models.stages.limits import explained_limit, fnmr_at
from models.store import CalibrationCurve, default_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from models.store import Calibration

_PEOPLE = (5, 30, 100, 500)
_LEFT_OUT = 2
_LEAST_LEVELS = 6


def main(model_ids: Sequence[str]) -> None:
    """Print both tables."""
    calibrations = [
        (model_id, card.calibration)
        for model_id in model_ids or ("sface-2021dec", "omz-0095", "dlib-resnet-v1")
        if (card := default_store().find(model_id)[0]).calibration is not None
    ]
    lines = [
        "| model | enrolled | " + " | ".join(f"{n} people" for n in _PEOPLE) + " |",
        "| --- | --- |" + " --- |" * len(_PEOPLE),
    ]
    for model_id, calibration in calibrations:
        if calibration is not None:
            lines += _limits(model_id, calibration)
    lines += [
        "",
        "| model | enrolled | fitted down to FMR | predicted at | limit | measured |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for model_id, calibration in calibrations:
        if calibration is not None:
            lines += _backtest(model_id, calibration)
    sys.stdout.write("\n".join(lines) + "\n")


def _limits(model_id: str, calibration: Calibration) -> Iterator[str]:
    target = MatchRules().roster_fpir
    found = [explained_limit(calibration, target, people) for people in _PEOPLE]
    for curve in calibration.curves:
        cells = [
            f"{limit.distance:.3f}{'*' if limit.is_extrapolated else ''},"
            f" {fnmr_at(curve, limit.distance):.1%}"
            for limit in found
        ]
        yield f"| {model_id} | {curve.enrolled} | {' | '.join(cells)} |"


def _backtest(model_id: str, calibration: Calibration) -> Iterator[str]:
    for curve in calibration.curves:
        if len(curve.fmr) < _LEAST_LEVELS:
            continue
        shortened = CalibrationCurve.model_validate(
            curve.model_dump()
            | {
                name: getattr(curve, name)[:-_LEFT_OUT]
                for name in ("fmr", "limits", "strict_limits")
            }
        )
        known = calibration.model_copy(update={"curves": (shortened,)})
        counts = (curve.enrolled, curve.probes)
        found = explained_limit(known, curve.fmr[-1], 1, counts=counts, is_strict=False)
        yield (
            f"| {model_id} | {curve.enrolled} | {shortened.fmr[-1]:.1e} "
            f"| {curve.fmr[-1]:.1e} | {found.distance:.3f} | {curve.limits[-1]:.3f} |"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
