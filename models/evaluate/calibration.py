"""Measures how far strangers and one person's pictures lie apart, and writes it into a card."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.evaluate.identification import TooFewPeopleError
from models.evaluate.intervals import interval_of, resampled
from models.evaluate.rules import distances
from models.store import Calibration, CalibrationCurve, read_card

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from models.evaluate.faces import EmbeddedSet, Face
    from models.evaluate.rules import Rule
    from models.stages.images import FloatArray

Floats = NDArray[np.float64]
COUNTS = ((1, 1), (1, 3), (2, 1), (3, 1), (3, 3), (5, 1))
"""Pictures in a template and in a probe."""
# So many comparisons of one round, and different pairs of people, must stand behind a limit.
# Source: Doddington's rule of 30, The NIST speaker recognition evaluation, Speech Comm. 31, 2000.
_LEAST_PAIRS = 30
_LEVELS = tuple(float(10.0 ** (-exponent / 2)) for exponent in range(4, 17))  # 1e-2 ... 1e-8
_GENUINE = (0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995)
_HEAD = "# Written by models.evaluate calibrate; docs/accuracy.md has the command.\n[calibration]\n"
_SECTION = re.compile(
    r"\n*(# Written by models\.evaluate calibrate[^\n]*\n)?\[calibration\]\n.*", re.S
)


@dataclass(frozen=True)
class _Comparisons:
    """All comparisons of a few rounds: (T,) people with templates, (P,) people with probes.

    `is_genuine` marks people's comparisons with themselves, on other pictures than enrolled.
    """

    templates: NDArray[np.intp]
    probes: NDArray[np.intp]
    apart: tuple[FloatArray, ...]  # one (P, T) a round
    is_genuine: NDArray[np.bool_]  # (P, T)
    people: int


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
    for enrolled, probes in COUNTS:
        found = _compare(embedded, rule, (enrolled, probes), rounds)
        if found is not None:
            curve = _curve(found, enrolled, probes)
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


def _compare(
    embedded: EmbeddedSet, rule: Rule, counts: tuple[int, int], rounds: int
) -> _Comparisons | None:
    enrolled, probes = counts
    found = [
        [face for face in embedded.faces[name] if face is not None]
        for name in sorted(embedded.faces)
    ]
    with_template = [n for n, own in enumerate(found) if len(own) >= enrolled]
    with_probe = [n for n, own in enumerate(found) if len(own) >= probes]
    with_both = [n for n, own in enumerate(found) if len(own) >= enrolled + probes]
    if not with_both:
        return None
    random = np.random.default_rng(0)
    length = embedded.length if rule.is_normalised and embedded.metric == "euclidean" else 1.0
    apart = []
    for _ in range(rounds):
        orders = [random.permutation(len(own)) for own in found]
        scans = [rule.probe(_pick(found[p], orders[p][:probes])) for p in with_probe]
        owned = [rule.templates(_pick(found[p], orders[p][-enrolled:])) for p in with_template]
        starts = np.cumsum([0, *(len(rows) for rows in owned[:-1])])
        rows = distances(np.concatenate(owned), np.stack(scans), embedded.metric)
        nearest = np.minimum.reduceat(rows, starts, axis=1) * np.float32(length)
        apart.append(np.asarray(nearest, np.float32))
    templates, scanned = np.array(with_template), np.array(with_probe)
    is_genuine = (scanned[:, None] == templates[None]) & np.isin(templates, with_both)
    return _Comparisons(templates, scanned, tuple(apart), is_genuine, len(found))


def _pick(faces: Sequence[Face], indices: NDArray[np.intp]) -> list[Face]:
    return [faces[index] for index in indices]


def _curve(found: _Comparisons, enrolled: int, probes: int) -> CalibrationCurve | None:
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
        probes=probes,
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

    def __init__(self, found: _Comparisons, is_own: NDArray[np.bool_]) -> None:
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
    lines = [f"data = {_quoted(calibration.data)}", f"rule = {_quoted(calibration.rule)}"]
    for curve in calibration.curves:
        lines += ["", "[[calibration.curves]]"]
        for name, value in curve.model_dump().items():
            written = (
                f"[{', '.join(f'{v:.6g}' for v in value)}]" if isinstance(value, tuple) else value
            )
            lines.append(f"{name} = {written}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
