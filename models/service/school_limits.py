"""The limits that kiosks keep to for each person of a school."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from models.stages.limits import ADULT, Calibrated

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from models.service.native_schemas import OperatingPointRequest
    from models.stages.images import FloatVector
    from models.store import ModelCard


@dataclass(frozen=True)
class LimitInForce:
    """The limits for one target and one size of class, on the scale that all cards share.

    Attributes:
        target_fpir: what the policy accepts.
        size: people of the class.
        for_adults: the card's calibrated limit.
        by_group: of the groups that the question names; None where nobody is recognised.
        groups: (P,) of each person.
        of_person: (P,) float32; NaN where the person is not recognised.
    """

    target_fpir: float
    size: int
    for_adults: float
    by_group: Mapping[str, float | None]
    groups: NDArray[np.str_]
    of_person: FloatVector


def limits_of(
    card: ModelCard, request: OperatingPointRequest, ids: Sequence[str]
) -> list[LimitInForce]:
    """Return the limits for every size of class and target that the question asks about.

    Args:
        card: of an embedder, with a calibration.
        request: who belongs to which group; a person named twice is of the last group named.
        ids: of the people, in the order of the answer's rows.
    """
    calibrated = Calibrated.of(card)
    named = {member.id: member.group for member in request.people}
    groups = np.array([named.get(one) or ADULT for one in ids])
    known = sorted({group for one in ids if (group := named.get(one)) is not None})
    found = []
    for size in request.roster_sizes:
        for target in request.targets:
            own = calibrated.limit(target, size)
            limits = {name: calibrated.for_group(own, name) for name in {*known, ADULT}}
            rows = [np.nan if (one := limits[str(name)]) is None else one for name in groups]
            by_group: dict[str, float | None] = {name: limits[name] for name in known}
            of_person = np.array(rows, np.float32)
            found.append(LimitInForce(target, size, own, by_group, groups, of_person))
    return found
