"""What a model's limits mean in this school: the question, and the figures that come back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from pydantic import BaseModel, ConfigDict, model_validator

Interval = tuple[float, float]


@dataclass(frozen=True)
class EnrolledPerson:
    """A person whose templates are measured.

    Attributes:
        key: tells the person from the others of the question; means nothing elsewhere.
        templates: of one model, one for each photo.
        cohorts: parts of the school that the person belongs to.
    """

    key: str
    templates: tuple[tuple[float, ...], ...]
    cohorts: tuple[str, ...] = ()


@dataclass(frozen=True)
class SchoolQuestion:
    """Ask what the limits of a model's card do among these people.

    Attributes:
        model_id: of all templates.
        people: everybody who may be measured.
        roster_sizes: how many are due at a time; the first one counts for the ceiling.
        targets: accepted FPIRs, 0 to 1; the first one counts for the ceiling.
        limit_in_force: distance that an earlier measurement gave; None: none is in force.
    """

    model_id: str
    people: Sequence[EnrolledPerson]
    roster_sizes: Sequence[int]
    targets: Sequence[float]
    limit_in_force: float | None = None


class _Figures(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, allow_inf_nan=False)


class LimitHere(_Figures):
    """What the card's limit for a target does here; shares with their 95 % intervals.

    Attributes:
        target_fpir: the share of strangers' scans that the limit is meant for.
        gallery_size: how many are due.
        limit: distance, on the scale that all cards share.
        expected_fpir: the share to expect among these people.
        interval: of it.
        fnmr: share of people whose worst photo would miss; None with too few of several photos.
        fnmr_interval: of it.
    """

    target_fpir: float
    gallery_size: int
    limit: float
    expected_fpir: float
    interval: Interval
    fnmr: float | None = None
    fnmr_interval: Interval | None = None


class CohortHere(_Figures):
    """One part of the school; not even a count where figures would give a few people away."""

    name: str
    people: int | None = None
    suppressed: bool
    at_card_limits: tuple[LimitHere, ...] = ()


class PairHere(_Figures):
    """Two people of the question that no limit tells apart, by their keys."""

    a: str
    b: str
    distance: float


class CardHere(_Figures):
    """What the card alone says of the first target and size, for one group of people.

    Attributes:
        group: adult, teen or child.
        limit: distance.
        fnmr: share of the genuine comparisons of the calibration that miss.
    """

    group: str
    limit: float
    fnmr: float


class ClassRateHere(_Figures):
    """How often a stranger passed in classes of 30, as the network's card states it.

    Attributes:
        kind: `random`, `similar` (a person's nearest neighbours), or another word.
        target_fpir: what the limit was asked to keep.
        fpir: share of strangers that passed.
        interval: 95 % of it.
    """

    kind: str
    target_fpir: float
    fpir: float
    interval: Interval


class SchoolOperatingPoint(_Figures):
    """The figures of a school.

    Attributes:
        people: how many were measured.
        is_enough: False: too few for any figure.
        by_card: what the card says without the school.
        class_rates: what the card says of classes of random and of similar people.
        pairs: pairs of different people.
        ceiling: the limit that keeps the first target for the first size among these people.
        pairs_left_out: the pairs that the ceiling leaves out, by the keys of the question.
        present: what the limit in force does.
        proposed: what the limit would do that this measurement gives.
        raised_share: of people that the proposed limit misses more often than the present one.
        at_card_limits: for each size and target.
        cohorts: the first target for the first size, for parts of the school.
    """

    people: int
    is_enough: bool
    by_card: tuple[CardHere, ...] = ()
    class_rates: tuple[ClassRateHere, ...] = ()
    pairs: int | None = None
    ceiling: float | None = None
    pairs_left_out: tuple[PairHere, ...] = ()
    present: LimitHere | None = None
    proposed: LimitHere | None = None
    raised_share: float | None = None
    at_card_limits: tuple[LimitHere, ...] = ()
    cohorts: tuple[CohortHere, ...] = ()

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.is_enough and (self.pairs is None or self.ceiling is None):
            raise ValueError("figures are missing")
        return self
