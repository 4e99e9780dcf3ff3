"""What a school may expect of a network, group by group. Claims only what pairs of people support.

A share that fewer than ten pairs stand behind is not claimed, whatever a limit was computed for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import expm1, log1p

from protocol.v1.messages import LimitGroup
from server.limits.service import LEAST_PEOPLE, people_behind
from server.limits.tables import StoredLimit
from server.ml.school import LimitHere, SchoolOperatingPoint

#: Students of a class for whom limits of other people's faces are stated.
CLASS_SIZE = 30
#: Pairs of each group of young people that limits for children rest on (issue 10: 150 faces each).
OTHER_PAIRS = 11_000
_LEAST_BEHIND = 10
_SIMILAR = "similar"
#: Above it a figure says only that too few people were measured.
_USEFUL = 0.1


class FigureSource(StrEnum):
    """What the figures of a group rest on."""

    CARD = "card"  # tests of the network on adults
    OTHERS = "others"  # tests on young people elsewhere
    SCHOOL = "school"  # the school's own people
    REFUSED = "refused"  # kiosks do not recognise this group with this network
    UNKNOWN = "unknown"  # nothing was measured, or it says nothing about this group


@dataclass(frozen=True)
class Outlook:
    """What one group may expect.

    Attributes:
        group: adult, teen or child.
        people: of it, with templates.
        source: what the figures rest on.
        mistaken: share of strangers mistaken for a student, 0 to 1; None: no figure holds.
        missed: share of students not recognised at the first look; None: not known.
        class_size: students that a stranger is compared with.
        alike: the same as `mistaken`, at most, of strangers who resemble the class; None where
            `mistaken` is that already, or nothing is known.
    """

    group: LimitGroup
    people: int
    source: FigureSource
    mistaken: float | None = None
    missed: float | None = None
    class_size: int = CLASS_SIZE
    alike: float | None = None


@dataclass(frozen=True)
class MeasuredNetwork:
    """What is known of a network in this school.

    Attributes:
        point: the newest figures; None where there are none.
        limit: the school's own that is in force; None: there is none.
        rate: share of strangers that the policy accepts.
        is_weak: whether it is weak for many groups of people.
    """

    point: SchoolOperatingPoint | None
    limit: StoredLimit | None
    rate: float
    is_weak: bool


def fpir_of(fmr: float, people: int) -> float:
    """Return how often a stranger is mistaken for one of so many people.

    Args:
        fmr: share of the comparisons of two people that go wrong, 0 to 1.
        people: that the stranger is compared with.
    """
    return 1.0 if fmr >= 1.0 else -expm1(log1p(-fmr) * people)


def supported(pairs: int, people: int) -> float:
    """Return the smallest share of strangers that so many pairs support."""
    return fpir_of(min(_LEAST_BEHIND / max(pairs, 1), 1.0), people)


def holding(network: MeasuredNetwork) -> LimitHere | None:
    """Return what the limit does that kiosks use now, by the newest figures."""
    point, limit = network.point, network.limit
    if point is None or point.proposed is None or point.present is None:
        return None
    is_newest = limit is not None and point.ceiling is not None and limit.distance <= point.ceiling
    return point.proposed if is_newest else point.present


def outlooks(network: MeasuredNetwork, counts: Mapping[str, int]) -> list[Outlook]:
    """Return what each group that has people may expect, adults first."""
    return [_outlook(network, group, counts[group]) for group in LimitGroup if counts.get(group)]


def _outlook(network: MeasuredNetwork, group: LimitGroup, people: int) -> Outlook:
    if group is LimitGroup.ADULT:
        return _of_adults(network, people)
    if network.limit is not None and people_behind(network.limit) >= LEAST_PEOPLE:
        return _of_school(network, group, people)
    point = network.point
    if point is None or not point.by_card:
        return Outlook(group, people, FigureSource.UNKNOWN)
    own = next((one for one in point.by_card if one.group == group), None)
    if own is None:
        return Outlook(group, people, FigureSource.REFUSED)
    mistaken = max(network.rate, supported(OTHER_PAIRS, CLASS_SIZE))
    return Outlook(group, people, FigureSource.OTHERS, mistaken, own.fnmr)


def _of_adults(network: MeasuredNetwork, people: int) -> Outlook:
    here = holding(network)
    is_as_promised = here is None or network.limit is not None or here.expected_fpir <= network.rate
    if network.is_weak or not is_as_promised:
        return _of_school(network, LimitGroup.ADULT, people)
    by_card = network.point.by_card if network.point else ()
    card = next((one.fnmr for one in by_card if one.group == LimitGroup.ADULT), None)
    missed = here.fnmr if here is not None and here.fnmr is not None else card
    return Outlook(
        LimitGroup.ADULT,
        people,
        FigureSource.CARD,
        network.rate,
        missed,
        alike=_of_similar_people(network),
    )


def _of_similar_people(network: MeasuredNetwork) -> float | None:
    """Return the worst upper end that the card states for classes of similar people."""
    rates = network.point.class_rates if network.point else ()
    similar = [one for one in rates if one.kind == _SIMILAR and one.target_fpir >= network.rate]
    nearest = min((one.target_fpir for one in similar), default=None)
    return max((one.interval[1] for one in similar if one.target_fpir == nearest), default=None)


def _of_school(network: MeasuredNetwork, group: LimitGroup, people: int) -> Outlook:
    here, point = holding(network), network.point
    if here is None or point is None:
        return Outlook(group, people, FigureSource.UNKNOWN)
    mistaken = max(network.rate, supported(point.pairs or 0, here.gallery_size))
    if network.limit is None or here is point.present:
        mistaken = max(mistaken, here.expected_fpir)
    figure = mistaken if mistaken <= _USEFUL else None
    return Outlook(group, people, FigureSource.SCHOOL, figure, here.fnmr, here.gallery_size)
