"""The limit that a school's own people give, and what a change to it costs them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.service.disclosure import LEAST_PEOPLE

if TYPE_CHECKING:
    from models.service.school_distances import SchoolTemplates
    from models.stages.images import FloatVector
    from models.store import Calibration, Matching

PEOPLE_PER_PAIR = 50
"""One pair of twins, or of the same person enrolled twice, in so many people may be left out. About
one birth in 30 is a twin (Monden and others, Human Reproduction 2021), and not all are alike. A
network to which more pairs look the same does not suit the school, and its limit must say so."""


def ceiling_of(
    apart: FloatVector, people: int, *, fmr: float, strictest: float
) -> tuple[float, int]:
    """Return the limit that keeps a rate among these people, and how many pairs it leaves out.

    Args:
        apart: (pairs,) distances of different people, rising, on the scale that all cards share.
        people: who make up the pairs.
        fmr: share of the pairs that may be nearer than the limit.
        strictest: the smallest limit of the card that was asked about. Only pairs nearer than it
            are left out, the nearest first, at most one for every `PEOPLE_PER_PAIR` people.

    Returns:
        The limit, and the number of nearest pairs that are left out.
    """
    most = min(max(people // PEOPLE_PER_PAIR, 1), len(apart) - 1)
    left_out = int(np.searchsorted(apart[:most], np.float32(strictest)))
    kept = apart[left_out:]
    return float(kept[int(fmr * (len(kept) - 1))]), left_out


def raised_share(
    school: SchoolTemplates,
    matching: Matching,
    calibration: Calibration,
    *,
    proposed: float,
    present: float,
) -> float:
    """Return the share of people that a new limit misses more often than the present one.

    Args:
        school: whose own pictures are looked at, where enough people have several.
        matching: of the card.
        calibration: of the card; stands for people with one picture each.
        proposed: on the scale that all cards share.
        present: likewise.

    Returns:
        0 to 1; 0 where the new limit is not stricter.
    """
    if proposed >= present:
        return 0.0
    flags = school.missed_more(proposed, present)
    if len(flags) >= LEAST_PEOPLE:
        return float(flags.mean())
    curve = min(calibration.curves, key=lambda one: one.enrolled + one.probes)
    own = [matching.from_common_scale(distance) for distance in (proposed, present)]
    below = np.interp(own, curve.genuine_distances, curve.genuine_shares, left=0.0)
    return float(below[1] - below[0])
