"""Measures how far strangers and one person's pictures lie apart, and writes it into a card."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.evaluate.comparisons import compare_all
from models.evaluate.identification import TooFewPeopleError
from models.evaluate.intervals import interval_of, resampled
from models.store import Calibration, CalibrationCurve, read_card

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pydantic import BaseModel

    from models.evaluate.comparisons import Comparisons
    from models.evaluate.faces import EmbeddedSet
    from models.evaluate.rules import Rule

Floats = NDArray[np.float64]
ENROLLED = (1, 2, 3, 5)
"""Pictures in a template. A probe is one picture: frames of one track are alike, and fused they
come little nearer to other people than one of them; `models.evaluate fused` measures how much."""
# So many comparisons of one round, and different pairs of people, must stand behind a limit.
# Source: Doddington's rule of 30, The NIST speaker recognition evaluation, Speech Comm. 31, 2000.
_LEAST_PAIRS = 30
_LEVELS = tuple(float(10.0 ** (-exponent / 2)) for exponent in range(4, 17))  # 1e-2 ... 1e-8
_GENUINE = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995)
_HEAD = (
    "# Written by models.evaluate calibrate; docs/measurements/accuracy.md has the command.\n"
    "[calibration]\n"
)
_SECTION = re.compile(
    r"\n*(# Written by models\.evaluate calibrate[^\n]*\n)?\[calibration\]\n.*", re.S
)


def calibrate(
    embedded: EmbeddedSet,
    rule: Rule,
    data: str,
    *,
    rounds: int = 8,
    advance: Callable[[], None] = lambda: None,
) -> Calibration:
    """Measure a network.

    Args:
        embedded: the faces.
        rule: makes templates and probes.
        data: what they are, in words, for the card.
        rounds: times that pictures are drawn anew.
        advance: called after each curve.

    Raises:
        TooFewPeopleError: too few people have a picture for a template and one for a probe.
    """
    curves = []
    for enrolled in ENROLLED:
        found = compare_all(embedded, rule, enrolled, rounds)
        if found is not None:
            curve = _curve(found, enrolled)
            curves += [curve] if curve else []
        advance()
    if not curves:
        raise TooFewPeopleError("there are too few people with two pictures for a calibration")
    return Calibration(data=data, rule=rule.name, curves=tuple(curves))


def write_calibration(path: Path, calibration: Calibration) -> None:
    """Put a calibration at the end of a card, in place of an older one.

    Raises:
        CardError: the card does not read, before or after; it is then left as it was.
    """
    read_card(path)
    text = _SECTION.sub("", path.read_text("utf-8")).rstrip("\n")
    unfinished = path.with_suffix(".unfinished")
    unfinished.write_text(f"{text}\n\n{_HEAD}{_toml(calibration)}", "utf-8")
    try:
        read_card(unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _curve(found: Comparisons, enrolled: int) -> CalibrationCurve | None:
    """The curve as far as enough pairs support it; None where that is not even two levels."""
    is_own = found.probes[:, None] == found.templates[None]
    genuine = np.concatenate([apart[found.is_genuine] for apart in found.apart])
    tail = _Tail(found, is_own)
    limits, pairs = tail.limits(np.ones(found.people)), tail.pairs_within
    comparisons = int((~is_own).sum())
    kept = [
        n
        for n, limit in enumerate(limits)
        if min(pairs(limit), _LEVELS[n] * comparisons) >= _LEAST_PAIRS
    ]
    if len(kept) < 2:
        return None
    bands = np.stack([tail.limits(weights) for weights in resampled(found.people, 200, 0)])
    strict = np.minimum(np.minimum(interval_of(bands)[0], limits), limits[0])
    return CalibrationCurve(
        enrolled=enrolled,
        probes=1,
        people=len(found.templates),
        strangers=len(found.probes),
        genuine_people=int(found.is_genuine.sum()),
        fmr=tuple(_LEVELS[n] for n in kept),
        limits=_rounded(limits[kept]),
        strict_limits=_rounded(np.minimum.accumulate(strict[kept])),
        genuine_shares=_GENUINE,
        genuine_distances=_rounded(np.quantile(genuine, _GENUINE)),
    )


class _Tail:
    """The closest comparisons of two people, in order; more than the largest level needs."""

    def __init__(self, found: Comparisons, is_own: NDArray[np.bool_]) -> None:
        self._found, self._is_own = found, is_own
        bound = np.quantile(found.apart[0][~is_own], min(_LEVELS[0] * 3, 1.0))
        near = [np.nonzero((apart < bound) & ~is_own) for apart in found.apart]
        values = np.concatenate([a[rows] for a, rows in zip(found.apart, near, strict=True)])
        order = np.argsort(values, kind="stable")
        self._values = values[order]
        self._probes = found.probes[np.concatenate([rows[0] for rows in near])[order]]
        self._templates = found.templates[np.concatenate([rows[1] for rows in near])[order]]

    def limits(self, weights: Floats) -> Floats:
        """For each level the limit when people count as often as `weights` says."""
        found = self._found
        own = weights[np.intersect1d(found.probes, found.templates)]
        total = weights[found.probes].sum() * weights[found.templates].sum() - (own**2).sum()
        alarms = np.cumsum(weights[self._probes] * weights[self._templates])
        places = np.searchsorted(alarms, np.array(_LEVELS) * total * len(found.apart), "right")
        nearest = self._values[np.minimum(places, len(self._values) - 1)]
        return np.asarray(nearest, np.float64)

    def pairs_within(self, limit: float) -> int:
        """How many different pairs of people lie closer."""
        end = np.searchsorted(self._values, limit)
        pairs = np.sort(np.stack([self._probes[:end], self._templates[:end]]), axis=0)
        return int(np.unique(pairs, axis=1).shape[1])


def _rounded(values: Floats) -> tuple[float, ...]:
    return tuple(round(float(value), 4) for value in values)


def _toml(calibration: Calibration) -> str:
    fields = calibration.model_dump(exclude={"curves", "classes"})
    lines = [f"{name} = {_value(value)}" for name, value in fields.items()]
    for name, parts in (("curves", calibration.curves), ("classes", calibration.classes)):
        for part in parts:
            lines += ["", f"[[calibration.{name}]]", *_fields(part)]
    return "\n".join(lines) + "\n"


def _fields(part: BaseModel) -> list[str]:
    return [f"{name} = {_value(value)}" for name, value in part.model_dump().items()]


def _value(value: object) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(f'{one:.6g}' for one in value)}]"
    if isinstance(value, str):
        return _quoted(value)
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
