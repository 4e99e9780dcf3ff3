"""Lets a model pass only when it is shown to be no worse than the present one.

The rule is one of non-inferiority: both models see the same people, pictures and rosters, people
are drawn again 1,000 times, and the candidate passes when the upper end of the one-sided 95 %
interval of its additional errors stays below a margin, for verification and for identification.
Too little data makes that interval wide, so it cannot let a bad model through.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.evaluate.identification import Design, run_trials
from models.evaluate.intervals import miss_rates, resampled
from models.evaluate.verification import balanced_errors, score_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from models.evaluate.dataset import Pair
    from models.evaluate.faces import EmbeddedSet
    from models.evaluate.rules import Rule

Floats = NDArray[np.float64]
_CONFIDENCE = 0.95


@dataclass(frozen=True)
class Margins:
    """How much worse a candidate may at most be; shares.

    Attributes:
        balanced_error: of verification.
        fnir: of identification at `fpir`.
        fpir: share of strangers' scans mistaken for an enrolled person.
    """

    balanced_error: float = 0.003
    fnir: float = 0.01
    fpir: float = 0.01


@dataclass(frozen=True)
class Comparison:
    """One figure under both models; shares, smaller is better.

    Attributes:
        name: in words.
        present: of the present model.
        candidate: of the candidate.
        upper_difference: upper end of the one-sided 95 % interval of candidate less present.
        margin: what that must not exceed.
    """

    name: str
    present: float
    candidate: float
    upper_difference: float
    margin: float

    @property
    def passes(self) -> bool:
        """Whether the candidate is shown to be no worse than the margin allows."""
        return self.upper_difference <= self.margin


@dataclass(frozen=True)
class GateVerdict:
    """Whether the candidate passes, and why."""

    comparisons: tuple[Comparison, ...]

    @property
    def passes(self) -> bool:
        """Whether it passes in all comparisons."""
        return all(comparison.passes for comparison in self.comparisons)

    def sentence(self, candidate: str, present: str) -> str:
        """Say it in one sentence.

        Args:
            candidate: reference of the model that was to take over.
            present: of the present one.
        """
        if self.passes:
            return f"{candidate} passes: it is shown to be no worse than {present}"
        worst = max(
            (one for one in self.comparisons if not one.passes),
            key=lambda one: one.upper_difference - one.margin,
        )
        return (
            f"{candidate} is refused: its {worst.name} is {worst.candidate:.2%} where {present}"
            f" has {worst.present:.2%}, and may be up to {worst.upper_difference * 100:.2f}"
            f" percentage points worse, more than the {worst.margin * 100:.2f} allowed"
        )


def compare(
    present: EmbeddedSet,
    candidate: EmbeddedSet,
    pairs: Sequence[Pair],
    rule: Rule,
    design: Design,
    margins: Margins = Margins(),
) -> GateVerdict:
    """Compare two models on one data set.

    Args:
        present: the faces under the model in use.
        candidate: the same pictures under the other.
        pairs: of pictures in it, at least ten of either kind.
        rule: makes templates and probes.
        design: of the identification.
        margins: how much worse the candidate may be.

    Raises:
        TooFewPeopleError: the data set is too small for the design.
        ValueError: there are too few pairs.
    """
    sets = (present, candidate)
    scores = [score_pairs(embedded, pairs, rule) for embedded in sets]
    trials = [run_trials(embedded, rule, design) for embedded in sets]
    weights = resampled(len(present.faces), 1000, design.seed)
    errors = [balanced_errors(one, weights) for one in scores]
    misses = [miss_rates(one, margins.fpir, weights) for one in trials]
    of_pairs = "balanced error on pairs"
    of_scans = f"FNIR at FPIR {100 * margins.fpir:g} % among {design.gallery_size}"
    return GateVerdict(
        (
            _comparison(of_pairs, errors, margins.balanced_error),
            _comparison(of_scans, misses, margins.fnir),
        )
    )


def _comparison(name: str, rates: Sequence[tuple[float, Floats]], margin: float) -> Comparison:
    (present, present_bands), (candidate, candidate_bands) = rates
    upper = float(np.nanquantile(candidate_bands - present_bands, _CONFIDENCE))
    return Comparison(name, present, candidate, upper, margin)
