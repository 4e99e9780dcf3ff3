"""What the limits of a card mean among the people of one school: no photos, templates only.

Everybody's fused template is compared with everybody else's. Enrolled pictures stand for what a
kiosk would see, which is kind: the camera at the door is another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.errors import GalleryError
from models.service.disclosure import LEAST_PEOPLE, showable
from models.service.errors import ErrorCode, RefusalError
from models.service.gallery_check import refuse_too_many
from models.service.native_schemas import (
    ClassRateAnswer,
    CohortAnswer,
    CurveAnswer,
    LimitAnswer,
    OperatingPointResponse,
    PairAnswer,
)
from models.service.school_distances import school_of
from models.service.school_limits import limits_of
from models.service.shares import pair_interval, person_interval
from models.stages.limits import fmr_for, fpir_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models.service.native_schemas import Member, OperatingPointRequest
    from models.service.school_distances import SchoolTemplates
    from models.service.school_limits import LimitInForce
    from models.stages.images import FloatVector
    from models.store import ModelCard

MOST_PEOPLE = 4000
_LEVELS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_LEAST_PAIRS = 10
_NAMED_PAIRS = 20


def operating_point(card: ModelCard, request: OperatingPointRequest) -> OperatingPointResponse:
    """Measure.

    Raises:
        RefusalError: templates that cannot be read, too many of them, or a card that was never
            calibrated.
    """
    if card.calibration is None:
        raise RefusalError(
            ErrorCode.NOT_CALIBRATED, f"{card.id} was never calibrated, so it has no limits."
        )
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
        school = school_of(card, people)
    except GalleryError as error:
        raise RefusalError(ErrorCode.MALFORMED_REQUEST, "Templates cancel out.") from error
    found = _answer(school, limits_of(card, request, school.ids), people)
    stated = [ClassRateAnswer(**one.model_dump()) for one in card.calibration.classes]
    return found.model_copy(update={"class_rates": stated})


def _answer(
    school: SchoolTemplates, limits: Sequence[LimitInForce], people: Sequence[Member]
) -> OperatingPointResponse:
    places = np.flatnonzero(np.triu(np.ones(school.between.shape, np.bool_), k=1))
    apart = school.between.ravel()[places]
    pairs = np.sort(apart)
    first = fmr_for(limits[0].target_fpir, limits[0].size)
    shares = _nearer(school, limits, pairs)
    return OperatingPointResponse(
        people=len(school.ids),
        is_enough=True,
        pairs=len(pairs),
        ceiling=float(pairs[int(first * (len(pairs) - 1))]),
        curve=_curve(pairs),
        at_card_limits=[
            _at_limit(one, (share, len(school.ids)), _missed(school, one))
            for one, share in zip(limits, shares, strict=True)
        ],
        cohorts=_cohorts(school, limits[0], _rows_of(school, people)),
        closest_pairs=_closest(school, places, apart),
        left_out=int(np.count_nonzero(np.isnan(limits[0].of_person))),
    )


def _nearer(
    school: SchoolTemplates, limits: Sequence[LimitInForce], pairs: FloatVector
) -> list[float]:
    """Of the scans of one person against another's template the shares within each limit."""
    if len(set(limits[0].groups)) == 1:
        return [
            float(np.searchsorted(pairs, np.nan_to_num(one.of_person[0]))) / len(pairs)
            for one in limits
        ]
    total = len(school.ids) * (len(school.ids) - 1)
    hits = np.zeros(len(limits))
    for group in sorted(set(limits[0].groups)):
        columns = np.flatnonzero(limits[0].groups == group)
        near = np.sort(school.between[:, columns], axis=None)
        own = np.array([one.of_person[columns[0]] for one in limits])
        hits += np.searchsorted(near, np.nan_to_num(own))
    return [float(share) for share in hits / total]


def _missed(school: SchoolTemplates, limit: LimitInForce) -> NDArray[np.float64]:
    """1 where the worst of a person's own pictures is not within the limit; NaN with one."""
    is_missed = school.within >= np.nan_to_num(limit.of_person)
    return np.where(np.isnan(school.within), np.nan, is_missed)


def _curve(pairs: FloatVector) -> CurveAnswer:
    """At the levels that enough pairs support."""
    levels = [level for level in _LEVELS if level * len(pairs) >= _LEAST_PAIRS]
    return CurveAnswer(fmr=levels, limits=np.quantile(pairs, levels).tolist())


def _at_limit(
    limit: LimitInForce,
    nearer: tuple[float, int],
    missed: NDArray[np.float64],
    *,
    has_misses: bool = True,
) -> LimitAnswer:
    """What a limit does, from the share of pairs that are nearer, and among how many people."""
    low, high = pair_interval(*nearer)
    own = missed[~np.isnan(missed)]
    has_misses = has_misses and len(own) >= LEAST_PEOPLE
    found = person_interval(own > 0) if has_misses else None
    return LimitAnswer(
        target_fpir=limit.target_fpir,
        gallery_size=limit.size,
        limit=limit.for_adults,
        group_limits=limit.by_group,
        expected_fpir=fpir_of(nearer[0], limit.size),
        interval=(fpir_of(low, limit.size), fpir_of(high, limit.size)),
        fnmr=found[0] if found else None,
        fnmr_interval=found[1] if found else None,
    )


def _rows_of(school: SchoolTemplates, people: Sequence[Member]) -> dict[str, NDArray[np.intp]]:
    row_of = {name: row for row, name in enumerate(school.ids)}
    named: dict[str, set[int]] = {}
    for member in people:
        for name in member.cohorts:
            named.setdefault(name, set()).add(row_of[member.id])
    return {name: np.array(sorted(named[name]), np.intp) for name in sorted(named)}


def _cohorts(
    school: SchoolTemplates, first: LimitInForce, cohorts: Mapping[str, NDArray[np.intp]]
) -> list[CohortAnswer]:
    shown = showable(cohorts, np.ones(len(school.ids), np.bool_))
    several = ~np.isnan(school.within)
    with_misses = showable({name: cohorts[name] for name in shown}, several)
    missed = _missed(school, first)
    answers = []
    for name, rows in cohorts.items():
        if name not in shown:
            answers.append(CohortAnswer(name=name, suppressed=True))
            continue
        # The diagonal is infinite: nobody is near to themselves.
        within = np.nan_to_num(first.of_person[rows])[None, :]
        hits = np.count_nonzero(school.between[np.ix_(rows, rows)] < within)
        nearer = (hits / (len(rows) * (len(rows) - 1)), len(rows))
        found = _at_limit(first, nearer, missed[rows], has_misses=name in with_misses)
        answers.append(
            CohortAnswer(name=name, people=len(rows), suppressed=False, at_card_limits=[found])
        )
    return answers


def _closest(
    school: SchoolTemplates, places: NDArray[np.intp], apart: FloatVector
) -> list[PairAnswer]:
    nearest = np.argpartition(apart, _NAMED_PAIRS)[:_NAMED_PAIRS]
    nearest = nearest[np.lexsort((nearest, apart[nearest]))]
    answers = []
    for index in nearest:
        first, second = divmod(int(places[index]), len(school.ids))
        names = school.ids[first], school.ids[second]
        answers.append(PairAnswer(a=names[0], b=names[1], distance=float(apart[index])))
    return answers
