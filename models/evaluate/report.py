"""Figures as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from models.evaluate.intervals import Interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.fused_frames import FusedLimit
    from models.evaluate.identification import Design
    from models.evaluate.intervals import OperatingPoint
    from models.evaluate.parts import PartRates
    from models.evaluate.scale import ScalePoint
    from models.evaluate.tracks import TrackDesign, TrackResult
    from models.evaluate.verification import VerificationResult
    from models.store import ClassRate


def percent(interval: Interval, digits: int = 1) -> str:
    """An estimate with its 95 % interval, as `9.8 % (8.1-11.8)`.

    Args:
        interval: shares.
        digits: after the decimal point.
    """
    low, high = (f"{100 * value:.{digits}f}" for value in (interval.low, interval.high))
    return f"{100 * interval.estimate:.{digits}f} % ({low}-{high})"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table.

    Args:
        head: of the columns.
        rows: as many cells each.
    """
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def verification_row(model: str, rule: str, result: VerificationResult) -> list[str]:
    """One row of the table of `VERIFICATION_HEAD`.

    Args:
        model: its name.
        rule: in words.
        result: of one rule.
    """
    accuracy = percent(result.balanced_accuracy, 2)
    nearest = min(range(len(result.fmr)), key=lambda index: abs(result.fmr[index] - 0.01))
    missed = percent(result.fnmr[nearest], 2)
    return [model, rule, accuracy, missed, f"{result.limit:.3f}"]


VERIFICATION_HEAD = ("model", "templates", "balanced accuracy", "FNMR at FMR 1 %", "limit")


def identification_head(fpirs: Sequence[float]) -> list[str]:
    """Head of the table of `identification_row`.

    Args:
        fpirs: shares.
    """
    columns = [f"FNIR at FPIR {100 * fpir:g} %" for fpir in fpirs]
    return ["model", "gallery", "enrolled", "probes", "people", *columns]


def identification_row(
    model: str,
    design: Design,
    eligible: int,
    points: Sequence[OperatingPoint],
    *,
    digits: int = 1,
) -> list[str]:
    """One row; where too few strangers stand behind a figure it says so instead.

    Args:
        model: its name.
        design: what was drawn.
        eligible: people who could be enrolled.
        points: one an FPIR.
        digits: after the decimal point of a share in percent.
    """
    cells = [_cell(point, digits) for point in points]
    counts = (design.gallery_size, design.enrolled, design.probes, eligible)
    return [model, *(str(count) for count in counts), *cells]


def refused_row(model: str, design: Design, why: str, columns: int) -> list[str]:
    """One row for what could not be measured at all.

    Args:
        model: its name.
        design: what was to be drawn.
        why: in words.
        columns: count of FPIRs.
    """
    counts = (design.gallery_size, design.enrolled, design.probes)
    return [model, *(str(count) for count in counts), "", why, *[""] * (columns - 1)]


TRACK_HEAD = (
    "model",
    "enrolled",
    "fused",
    "limit for FPIR",
    "FNIR",
    "FPIR",
    "FPIR, only the data set enrolled",
    "people, clips",
)


def track_row(model: str, design: TrackDesign, result: TrackResult) -> list[str]:
    """One row of the table of `TRACK_HEAD`.

    Args:
        model: its name.
        design: what was scanned.
        result: of it.
    """
    limit = f"{100 * design.fpir:g} %: {result.limit:.3f}"
    rates = [percent(one) for one in (result.missed, result.alarms, result.distant_alarms)]
    counts = f"{result.people}, {result.clips}"
    return [model, str(design.enrolled), str(design.fused), limit, *rates, counts]


SCALE_HEAD = (
    "common scale",
    "different people below",
    "reference: same person above",
    "own distance",
    "same person above",
)


def scale_row(point: ScalePoint) -> list[str]:
    """One row of the table of `SCALE_HEAD`.

    Args:
        point: of the scale.
    """
    shares = [f"{100 * one:.2g} %" for one in (point.different, point.same_reference, point.same)]
    return [f"{point.common:.3f}", *shares[:2], f"{point.own:.3f}", shares[2]]


FUSED_HEAD = ("model", "fused", "share", "one frame below", "fused below", "difference")


def fused_row(model: str, fused: int, limit: FusedLimit) -> list[str]:
    """One row of the table of `FUSED_HEAD`.

    Args:
        model: its name.
        fused: frames in a probe.
        limit: at one level.
    """
    shift = limit.shift
    moved = f"{shift.estimate:+.4f} ({shift.low:+.4f} to {shift.high:+.4f})"
    cells = [f"{100 * limit.fmr:g} %", f"{limit.single:.4f}", f"{limit.fused:.4f}", moved]
    return [model, str(fused), *cells]


def class_head(fpirs: Sequence[float]) -> list[str]:
    """Head of the table of `class_row`.

    Args:
        fpirs: shares.
    """
    return [
        "model",
        "enrolled",
        "class",
        "people",
        *(f"limit for {100 * one:g} %" for one in fpirs),
    ]


def class_row(model: str, rates: Sequence[ClassRate]) -> list[str]:
    """One row: one kind of class at the limits for several rates.

    Args:
        model: its name.
        rates: of one kind and count of enrolled pictures, at least one.
    """
    first = rates[0]
    cells = [percent(Interval(one.fpir, *one.interval), 3) for one in rates]
    return [model, str(first.enrolled), first.kind, str(first.people), *cells]


PART_HEAD = ("model", "FMR of everybody", "part", "people", "FMR", "FNMR")


def part_row(model: str, fmr: float, part: str, rates: PartRates) -> list[str]:
    """One row of the table of `PART_HEAD`.

    Args:
        model: its name.
        fmr: of the limit, over everybody.
        part: its name.
        rates: within it.
    """
    missed = "-" if rates.missed is None else percent(rates.missed, 2)
    overall = f"{100 * fmr:g} %"
    return [model, overall, part, str(rates.people), percent(rates.false_matches, 2), missed]


def _cell(point: OperatingPoint, digits: int) -> str:
    if point.fnir is None:
        return f"not stated: {point.strangers} strangers behind it"
    return f"{percent(point.fnir, digits)} below {point.limit:.3f}"
