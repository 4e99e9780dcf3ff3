"""What the limits of a card mean among the people of one school: no photos, templates only.

Everybody's fused template is compared with everybody else's. Enrolled pictures stand for what a
kiosk would see, which is kind: the camera at the door is another one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from models.errors import GalleryError
from models.service.disclosure import LEAST_PEOPLE, showable
from models.service.errors import ErrorCode, RefusalError
from models.service.gallery_check import matching_of, refuse_too_many
from models.service.native_schemas import (
    CardAnswer,
    ClassRateAnswer,
    CohortAnswer,
    CurveAnswer,
    LimitAnswer,
    OperatingPointResponse,
    PairAnswer,
)
from models.service.own_limit import ceiling_of, raised_share
from models.service.school_distances import school_of
from models.service.shares import pair_interval, person_interval
from models.stages.limits import ADULT, Calibrated, curve_for, fmr_for, fnmr_at, fpir_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models.service.native_schemas import Member, OperatingPointRequest
    from models.service.school_distances import SchoolTemplates
    from models.stages.images import FloatVector
    from models.store import Calibration, ModelCard

    Asked = tuple[float, int, float]

MOST_PEOPLE = 4000
_LEVELS = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_LEAST_PAIRS = 10
_NAMED_PAIRS = 20
_PROBES = 3  # frames that a kiosk fuses at least


class _OwnLimit(TypedDict):
    """The part of the answer about the school's own limit."""

    ceiling: float
    pairs_left_out: list[PairAnswer]
    present: LimitAnswer
    proposed: LimitAnswer
    raised_share: float


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
        by_card = _by_card(card, card.calibration, request, _PROBES)
        return OperatingPointResponse(
            people=count,
            is_enough=False,
            by_card=by_card,
            class_rates=_class_rates(card.calibration),
        )
    if count > MOST_PEOPLE:
        raise RefusalError(
            ErrorCode.TOO_MANY_TEMPLATES, f"More than {MOST_PEOPLE} people; ask about a part."
        )
    try:
        school = school_of(card, people)
    except GalleryError as error:
        raise RefusalError(ErrorCode.MALFORMED_REQUEST, "Templates cancel out.") from error
    asked = _asked(card, request)
    places = np.flatnonzero(np.triu(np.ones(school.between.shape, np.bool_), k=1))
    apart = school.between.ravel()[places]
    found = _SchoolPairs(school, places, apart, np.sort(apart))
    return OperatingPointResponse(
        people=count,
        is_enough=True,
        by_card=_by_card(card, card.calibration, request, school.photos),
        class_rates=_class_rates(card.calibration),
        pairs=len(places),
        curve=_curve(found.rising),
        at_card_limits=[found.at(one) for one in asked],
        cohorts=_cohorts(school, asked[0], _rows_of(school, people)),
        closest_pairs=found.nearest(_NAMED_PAIRS),
        **_limits_here(found, card, card.calibration, asked, request.limit_in_force),
    )


@dataclass(frozen=True)
class _SchoolPairs:
    """All pairs of different people.

    Attributes:
        school: the people.
        places: (pairs,) of each pair in the square of distances.
        apart: (pairs,) its distance.
        rising: the same distances in order.
    """

    school: SchoolTemplates
    places: NDArray[np.intp]
    apart: FloatVector
    rising: FloatVector

    def at(self, asked: Asked) -> LimitAnswer:
        """What a limit does; pairs that are left out elsewhere count here."""
        share = float(np.searchsorted(self.rising, np.float32(asked[2]))) / len(self.rising)
        return _at_limit(asked, (share, len(self.school.ids)), self.school.within)

    def nearest(self, count: int) -> list[PairAnswer]:
        """The people of so many pairs, nearest first."""
        found = np.argpartition(self.apart, count)[:count]
        ids, answers = self.school.ids, []
        for index in found[np.lexsort((found, self.apart[found]))]:
            first, second = divmod(int(self.places[index]), len(ids))
            distance = float(self.apart[index])
            answers.append(PairAnswer(a=ids[first], b=ids[second], distance=distance))
        return answers


def _limits_here(
    found: _SchoolPairs,
    card: ModelCard,
    calibration: Calibration,
    asked: Sequence[Asked],
    in_force: float | None,
) -> _OwnLimit:
    """The school's own limit beside the one in force; neither exceeds the card's."""
    target, size, own = asked[0]
    ceiling, left_out = ceiling_of(
        found.rising,
        len(found.school.ids),
        fmr=fmr_for(target, size),
        strictest=min(limit for _, _, limit in asked),
    )
    present = own if in_force is None else min(own, in_force)
    proposed = min(own, ceiling)
    return _OwnLimit(
        ceiling=ceiling,
        pairs_left_out=found.nearest(left_out) if left_out else [],
        present=found.at((target, size, present)),
        proposed=found.at((target, size, proposed)),
        raised_share=raised_share(
            found.school, matching_of(card), calibration, proposed=proposed, present=present
        ),
    )


def _by_card(
    card: ModelCard, calibration: Calibration, request: OperatingPointRequest, photos: int
) -> list[CardAnswer]:
    """Return what the card says of each group that it has limits for."""
    calibrated = Calibrated.of(card)
    for_adults = calibrated.limit(request.targets[0], request.roster_sizes[0])
    curve = curve_for(calibration, (min(photos, _PROBES), _PROBES))
    answers = []
    for group in (ADULT, *(one.group for one in card.groups)):
        limit = calibrated.for_group(for_adults, group)
        if limit is not None:
            own = matching_of(card).from_common_scale(limit)
            answers.append(CardAnswer(group=group, limit=limit, fnmr=fnmr_at(curve, own)))
    return answers


def _class_rates(calibration: Calibration) -> list[ClassRateAnswer]:
    return [ClassRateAnswer(**one.model_dump()) for one in calibration.classes]


def _asked(card: ModelCard, request: OperatingPointRequest) -> list[Asked]:
    """Targets, sizes and the limits for adults that kiosks keep to."""
    calibrated = Calibrated.of(card)
    return [
        (target, size, calibrated.limit(target, size))
        for size in request.roster_sizes
        for target in request.targets
    ]


def _curve(pairs: FloatVector) -> CurveAnswer:
    """At the levels that enough pairs support."""
    levels = [level for level in _LEVELS if level * len(pairs) >= _LEAST_PAIRS]
    return CurveAnswer(fmr=levels, limits=np.quantile(pairs, levels).tolist())


def _at_limit(
    asked: Asked, nearer: tuple[float, int], within: FloatVector, *, has_misses: bool = True
) -> LimitAnswer:
    """What a limit does, from the share of pairs that are nearer, and among how many people."""
    target, size, limit = asked
    low, high = pair_interval(*nearer)
    own = within[~np.isnan(within)]
    has_misses = has_misses and len(own) >= LEAST_PEOPLE
    missed = person_interval(own >= limit) if has_misses else None
    return LimitAnswer(
        target_fpir=target,
        gallery_size=size,
        limit=limit,
        expected_fpir=fpir_of(nearer[0], size),
        interval=(fpir_of(low, size), fpir_of(high, size)),
        fnmr=missed[0] if missed else None,
        fnmr_interval=missed[1] if missed else None,
    )


def _rows_of(school: SchoolTemplates, people: Sequence[Member]) -> dict[str, NDArray[np.intp]]:
    row_of = {name: row for row, name in enumerate(school.ids)}
    named: dict[str, set[int]] = {}
    for member in people:
        for name in member.cohorts:
            named.setdefault(name, set()).add(row_of[member.id])
    return {name: np.array(sorted(named[name]), np.intp) for name in sorted(named)}


def _cohorts(
    school: SchoolTemplates, first: Asked, cohorts: Mapping[str, NDArray[np.intp]]
) -> list[CohortAnswer]:
    shown = showable(cohorts, np.ones(len(school.ids), np.bool_))
    several = ~np.isnan(school.within)
    with_misses = showable({name: cohorts[name] for name in shown}, several)
    answers = []
    for name, rows in cohorts.items():
        if name not in shown:
            answers.append(CohortAnswer(name=name, suppressed=True))
            continue
        # The diagonal is infinite: nobody is near to themselves.
        hits = np.count_nonzero(school.between[np.ix_(rows, rows)] < np.float32(first[2]))
        nearer = (hits / (len(rows) * (len(rows) - 1)), len(rows))
        found = _at_limit(first, nearer, school.within[rows], has_misses=name in with_misses)
        answers.append(
            CohortAnswer(name=name, people=len(rows), suppressed=False, at_card_limits=[found])
        )
    return answers
