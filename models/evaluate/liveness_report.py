"""Error rates of the passive check as Markdown, with exact intervals."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import comb, inf
from typing import TYPE_CHECKING

from models.evaluate.intervals import Interval
from models.evaluate.liveness import LIVE, TUNING
from models.evaluate.report import percent, table
from models.stages.liveness.limits import LivenessLimits
from models.stages.liveness.verdict import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from models.evaluate.liveness import Presentation

_HALVINGS = 60
_TAIL = 0.025
HEAD = (
    *("shown", "showings", "live", "attack", "undecided"),
    *("APCER: taken for live", "APCER without screen cues"),
)


@dataclass(frozen=True)
class Tally:
    """What became of the showings of one kind."""

    kind: str
    outcomes: tuple[Outcome, ...]

    def count(self, outcome: Outcome) -> int:
        """How many ended so."""
        return self.outcomes.count(outcome)

    def rate(self, outcome: Outcome) -> Interval:
        """Share that ended so, with its 95 % interval."""
        return exact_interval(self.count(outcome), len(self.outcomes))


def exact_interval(hits: int, trials: int) -> Interval:
    """A share and its 95 % interval.

    Args:
        hits: 0 to `trials`.
        trials: > 0, independent.

    Source: Clopper and Pearson, The use of confidence or fiducial limits, Biometrika 1934.
    """

    def at_most(count: int, share: float) -> float:
        return sum(
            comb(trials, k) * share**k * (1 - share) ** (trials - k) for k in range(count + 1)
        )

    low = 0.0 if hits == 0 else _crossing(lambda share: 1 - at_most(hits - 1, share) < _TAIL)
    high = 1.0 if hits == trials else _crossing(lambda share: at_most(hits, share) > _TAIL)
    return Interval(hits / trials, low, high)


def report(presentations: Sequence[Presentation], limits: LivenessLimits | None = None) -> str:
    """Tables for the people that limits were not chosen on, and for those that they were.

    Args:
        presentations: live and attacks.
        limits: the defaults where None.
    """
    bounds = limits or LivenessLimits()
    parts = []
    for title, is_tuning in (("Other people", False), ("People limits were chosen on", True)):
        shown = [p for p in presentations if (p.person in TUNING) == is_tuning]
        if shown:
            parts.append(f"**{title}** ({_people(shown)})\n\n{_table(shown, bounds)}")
    return "\n".join(parts)


def tallies(presentations: Sequence[Presentation], limits: LivenessLimits) -> list[Tally]:
    """Count outcomes by kind, live first."""
    kinds = list(dict.fromkeys(p.kind for p in presentations))
    kinds.sort(key=lambda kind: kind != LIVE)
    return [
        Tally(kind, tuple(p.verdict(limits).outcome for p in presentations if p.kind == kind))
        for kind in kinds
    ]


def _table(presentations: Sequence[Presentation], limits: LivenessLimits) -> str:
    blind = replace(limits, max_moire=inf, max_framed_share=1.0)
    counted, without = tallies(presentations, limits), tallies(presentations, blind)
    rows = [_row(tally, other) for tally, other in zip(counted, without, strict=True)]
    live = "".join(_live_words(tally) for tally in counted if tally.kind == LIVE)
    return table(HEAD, rows) + live


def _row(tally: Tally, without: Tally) -> list[str]:
    counts = [str(tally.count(outcome)) for outcome in Outcome]
    is_attack = tally.kind != LIVE
    shares = [percent(t.rate(Outcome.LIVE), 0) if is_attack else "" for t in (tally, without)]
    return [tally.kind, str(len(tally.outcomes)), *counts, *shares]


def _live_words(tally: Tally) -> str:
    wrong, open_ = (percent(tally.rate(o), 0) for o in (Outcome.ATTACK, Outcome.UNDECIDED))
    return f"\nBPCER, live people taken for attacks: {wrong}; left undecided: {open_}\n"


def _people(presentations: Sequence[Presentation]) -> str:
    people = sorted({p.person for p in presentations})
    clips = {p.clip for p in presentations}
    return f"{len(people)}: {', '.join(people)}; {len(clips)} clips and photos"


def _crossing(is_below: Callable[[float], bool]) -> float:
    """The share at which a claim that holds below it ends."""
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if is_below(middle) else (low, middle)
    return (low + high) / 2
