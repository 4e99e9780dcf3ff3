"""The part of an embedder's card that says how far apart strangers are, and how near oneself is."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(gt=0, lt=1)]
Distance = Annotated[float, Field(ge=0)]
_LEAST_PAIRS = 10
"""Fewer pairs closer than a limit say nothing about it."""


class _CalibrationPart(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class CalibrationCurve(_CalibrationPart):
    """Distances between fused templates and fused probes of given counts of pictures."""

    enrolled: int = Field(gt=0, description="pictures in a template")
    probes: int = Field(gt=0, description="pictures in a probe")
    people: int = Field(gt=1, description="with a template")
    strangers: int = Field(gt=1, description="with a probe, compared with all other people")
    genuine_people: int = Field(gt=0, description="with pictures for both, compared to themselves")
    fmr: tuple[Share, ...] = Field(
        min_length=2, description="shares of the comparisons of two people, falling"
    )
    limits: tuple[Distance, ...] = Field(
        min_length=2, description="that share of them is closer than this"
    )
    strict_limits: tuple[Distance, ...] = Field(
        min_length=2, description="lower ends of the 95 % intervals of `limits`"
    )
    genuine_shares: tuple[Share, ...] = Field(
        min_length=2, description="shares of the comparisons within people, rising"
    )
    genuine_distances: tuple[Distance, ...] = Field(
        min_length=2, description="that share of them is closer than this"
    )

    @model_validator(mode="after")
    def _is_in_order(self) -> Self:
        if not len(self.fmr) == len(self.limits) == len(self.strict_limits):
            raise ValueError("fmr, limits and strict_limits must have the same length")
        if len(self.genuine_shares) != len(self.genuine_distances):
            raise ValueError("genuine_shares and genuine_distances must have the same length")
        if any(left <= right for left, right in pairwise(self.fmr)):
            raise ValueError("fmr must fall")
        for falling in (self.limits, self.strict_limits):
            if any(left < right for left, right in pairwise(falling)):
                raise ValueError("limits must not rise as fmr falls")
        if any(
            strict > limit for strict, limit in zip(self.strict_limits, self.limits, strict=True)
        ):
            raise ValueError("a strict limit must not exceed its limit")
        for rising in (self.genuine_shares, self.genuine_distances):
            if any(left > right for left, right in pairwise(rising)):
                raise ValueError("the genuine distribution must not fall")
        return self


class ClassRate(_CalibrationPart):
    """How often a stranger passes for a person of a class of 30, at the limit the card gives."""

    data: str = Field(description="the data set by name")
    kind: Literal["random", "similar", "women", "men"] = Field(
        description="who the class and the stranger are, see models/evaluate/classes.py"
    )
    people: int = Field(gt=1, description="that classes and strangers were drawn from")
    enrolled: int = Field(gt=0, description="pictures in a template")
    target_fpir: Share = Field(description="what the limit was asked to keep")
    fpir: float = Field(ge=0, le=1, description="share of strangers' scans that gave a person")
    interval: tuple[float, float] = Field(description="95 %, over people")

    @model_validator(mode="after")
    def _is_inside(self) -> Self:
        low, high = self.interval
        if not 0 <= low <= self.fpir <= high <= 1:
            raise ValueError("fpir must lie inside its interval, and that between 0 and 1")
        return self


class GroupLimit(_CalibrationPart):
    """A limit for people that the curves do not cover, from other people like them."""

    group: Literal["teen", "child"]
    distance: float = Field(
        gt=0, description="in the network's own metric; no limit for the group exceeds it"
    )
    fmr: Share = Field(description="share of the pairs within the worst part that are closer")
    pairs: int = Field(gt=0, description="pairs of people behind each part of the group")
    source: str = Field(min_length=1, description="what was measured, and by whom")

    @model_validator(mode="after")
    def _is_supported(self) -> Self:
        if self.fmr * self.pairs < _LEAST_PAIRS:
            raise ValueError(f"fewer than {_LEAST_PAIRS} pairs are closer than this limit")
        return self


class Calibration(_CalibrationPart):
    """Score distributions of strangers and of the same person, as measured by models.evaluate."""

    data: str = Field(description="what it was measured on, in words")
    rule: str = Field(
        description="how templates and probes were made, see models/evaluate/rules.py"
    )
    fused_shift: Distance = Field(
        default=0.0,
        description="how much nearer fused frames of one track come to other people than one"
        " frame, by models.evaluate fused; limits are stricter by as much",
    )
    curves: tuple[CalibrationCurve, ...] = Field(min_length=1)
    classes: tuple[ClassRate, ...] = Field(
        default=(), description="what the limits are worth, by models.evaluate classes"
    )
