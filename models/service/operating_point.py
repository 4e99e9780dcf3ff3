"""What the limits of a card mean among the people of one school: no photos, templates only.

Everybody's fused template is compared with everybody else's. Enrolled pictures stand for what a
kiosk would see, which is kind: the camera at the door is another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median_low
from typing import TYPE_CHECKING

import numpy as np

from models.errors import GalleryError
from models.service.errors import ErrorCode, RefusalError
from models.service.gallery_check import distances, fused, matching_of, refuse_too_many
from models.service.native_schemas import (
    CohortAnswer,
    CurveAnswer,
    LimitAnswer,
    OperatingPointResponse,
    PairAnswer,
)
from models.service.vectors import unpacked
from models.stages.fuse import fuse_people
from models.stages.limits import Tier, explained_limit, fmr_for, fpir_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.service.native_schemas import Member, OperatingPointRequest
    from models.stages.images import FloatArray, FloatVector
    from models.store import ModelCard

LEAST_PEOPLE = 30
MOST_PEOPLE = 4000
_LEVELS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_LEAST_PAIRS = 10
_NAMED_PAIRS = 20
_RESAMPLES = 200
_SEED = 7
_PROBES = 3  # frames that a kiosk fuses at least


@dataclass(frozen=True)
class _School:
    """Distances among people.

    Attributes:
        ids: of the people, in the order of the rows.
        between: (P, P) float32, on the common scale; infinite on the diagonal.
        within: (P,) float32: of the worst of a person's own pictures to the others; NaN with one.
        photos: of a person, the usual count.
    """

    ids: list[str]
    between: FloatArray
    within: FloatVector
    photos: int


def operating_point(card: ModelCard, request: OperatingPointRequest) -> OperatingPointResponse:
    """Measure.

    Raises:
        RefusalError: templates that cannot be read, too many of them, or a card that was never
            calibrated.
    """
    refuse_too_many(request.people)
    people = [member for member in request.people if member.templates]
    count = len({member.id for member in people})
    if count < LEAST_PEOPLE:
        return OperatingPointResponse(people=count, is_enough=False)
    if count > MOST_PEOPLE:
        raise RefusalError(
            ErrorCode.TOO_MANY_TEMPLATES, f"More than {MOST_PEOPLE} people; ask about a part."
        )
    try:
        school = _school(card, people)
    except GalleryError as error:
        raise RefusalError(ErrorCode.MALFORMED_REQUEST, "Templates cancel out.") from error
    pairs = _pairs(school.between)
    first = fmr_for(request.targets[0], request.roster_sizes[0])
    return OperatingPointResponse(
        people=count,
        is_enough=True,
        pairs=len(pairs),
        ceiling=float(np.quantile(pairs, first, method="lower")),
        curve=_curve(pairs),
        at_card_limits=_at_limits(card, request, school, np.arange(count)),
        cohorts=_cohorts(card, request, school, people),
        closest_pairs=_closest(school),
    )


def _school(card: ModelCard, people: Sequence[Member]) -> _School:
    ids, templates = fused(people, card)
    between = np.stack([distances(template, templates, card) for template in templates])
    np.fill_diagonal(between, np.inf)
    rows_of: dict[str, list[str]] = {}
    for member in people:
        rows_of.setdefault(member.id, []).extend(member.templates)
    within = [_worst(card, unpacked(rows_of[name], card.dimension)) for name in ids]
    photos = median_low(len(rows) for rows in rows_of.values())
    return _School(ids, between, np.array(within, np.float32), photos)


def _worst(card: ModelCard, own: FloatArray) -> float:
    """Of a person's pictures the one furthest from the others fused; NaN for a single one."""
    if len(own) < 2:
        return float("nan")
    length = matching_of(card).length
    apart = []
    for index in range(len(own)):
        others = np.delete(own, index, axis=0)
        _, rest = fuse_people(["rest"] * len(others), others, length)
        _, one = fuse_people(["one"], own[index : index + 1], length)
        apart.append(float(distances(one[0], rest, card)[0]))
    return max(apart)


def _pairs(between: FloatArray) -> FloatVector:
    upper = np.triu_indices(len(between), k=1)
    return np.sort(between[upper])


def _curve(pairs: FloatVector) -> CurveAnswer:
    """At the levels that enough pairs support."""
    levels = [level for level in _LEVELS if level * len(pairs) >= _LEAST_PAIRS]
    return CurveAnswer(fmr=levels, limits=[float(np.quantile(pairs, level)) for level in levels])


def _at_limits(
    card: ModelCard, request: OperatingPointRequest, school: _School, rows: NDArray[np.intp]
) -> list[LimitAnswer]:
    if card.calibration is None:
        return []
    answers = []
    for size in request.roster_sizes:
        for target in request.targets:
            counts = (min(school.photos, _PROBES), _PROBES)
            own = explained_limit(card.calibration, target, size, Tier.ROSTER, counts).distance
            limit = matching_of(card).on_common_scale(own)
            answers.append(_at_limit(school, rows, (target, size, limit)))
    return answers


def _at_limit(
    school: _School, rows: NDArray[np.intp], asked: tuple[float, int, float]
) -> LimitAnswer:
    target, size, limit = asked
    nearer = school.between[np.ix_(rows, rows)] < limit
    fmr, fmr_bounds = _share_of_pairs(nearer)
    own = school.within[rows]
    own = own[~np.isnan(own)]
    missed = _share(own >= limit) if len(own) >= LEAST_PEOPLE else None
    return LimitAnswer(
        target_fpir=target,
        gallery_size=size,
        limit=limit,
        expected_fpir=fpir_of(fmr, size),
        interval=(fpir_of(fmr_bounds[0], size), fpir_of(min(fmr_bounds[1], 1 - 1e-9), size)),
        fnmr=missed[0] if missed else None,
        fnmr_interval=missed[1] if missed else None,
    )


def _share_of_pairs(nearer: NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """Share of pairs, with the interval of 95 % over resampled people.

    Where no pair is nearer, the upper end is the exact bound for so many people: whoever is in
    many pairs is still one piece of evidence.
    """
    count = len(nearer)
    weights = np.ones(count)
    if not nearer.any():
        return 0.0, (0.0, 1.0 - 0.05 ** (1.0 / count))
    random = np.random.default_rng(_SEED)
    hits = nearer.astype(np.float32)
    drawn = random.multinomial(count, np.full(count, 1.0 / count), size=_RESAMPLES)
    shares = np.einsum("ri,ri->r", drawn @ hits, drawn) / (count * count - (drawn**2).sum(axis=1))
    low, high = np.quantile(shares, (0.025, 0.975))
    share = float(weights @ hits @ weights) / (count * (count - 1))
    return share, (float(low), float(high))


def _share(flags: NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """Share of people, with its Wilson interval of 95 %."""
    count, share, z = len(flags), float(flags.mean()), 1.96
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * np.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return share, (max(0.0, float(middle - half)), min(1.0, float(middle + half)))


def _cohorts(
    card: ModelCard, request: OperatingPointRequest, school: _School, people: Sequence[Member]
) -> list[CohortAnswer]:
    named: dict[str, set[str]] = {}
    for member in people:
        for name in member.cohorts:
            named.setdefault(name, set()).add(member.id)
    row_of = {name: row for row, name in enumerate(school.ids)}
    answers = []
    for name in sorted(named):
        rows = np.array(sorted(row_of[one] for one in named[name]), np.intp)
        is_enough = len(rows) >= LEAST_PEOPLE
        found = _at_limits(card, request, school, rows) if is_enough else []
        answers.append(
            CohortAnswer(
                name=name, people=len(rows), suppressed=not is_enough, at_card_limits=found
            )
        )
    return answers


def _closest(school: _School) -> list[PairAnswer]:
    first, second = np.triu_indices(len(school.ids), k=1)
    apart = school.between[first, second]
    nearest = np.argsort(apart)[:_NAMED_PAIRS]
    return [
        PairAnswer(a=school.ids[first[n]], b=school.ids[second[n]], distance=float(apart[n]))
        for n in nearest
    ]
