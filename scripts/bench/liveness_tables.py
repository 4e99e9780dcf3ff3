"""Tables of `liveness_visits.py`: what became of the visits, old and new side by side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from models.evaluate.exact import exact_interval
from models.evaluate.live_clips import BARE_WALL, PEOPLE
from models.evaluate.report import percent, table
from models.evaluate.visits import LIVE
from scripts.bench.liveness_gate import MATCHED_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Sequence

_WITHIN_S = 3.0


@dataclass
class Outcome:
    """What became of one visit.

    Attributes:
        kind: see `Visit`; so are the next three.
        frames: shown with a face.
        verdicts: by the name of the check; one without a word did not decide.
        after_s: from the first frame with a face to the verdict.
        cpu_ms: of the check, over all frames.
        level: of the policy.
        asked: names of the checks.
    """

    kind: str
    instrument: str
    clip: str
    seed: int
    frames: int = 0
    verdicts: dict[str, str] = field(default_factory=dict)
    after_s: dict[str, float] = field(default_factory=dict)
    cpu_ms: dict[str, float] = field(default_factory=dict)
    level: str = ""
    asked: list[str] = field(default_factory=list)

    def verdict(self, name: str) -> str:
        """Of one check; undecided where it never came to an end."""
        return self.verdicts.get(name, "undecided")


def report(outcomes: Sequence[Outcome], names: Sequence[str]) -> str:
    """All tables as Markdown."""
    attacks = [outcome for outcome in outcomes if outcome.kind != LIVE]
    live = [outcome for outcome in outcomes if outcome.kind == LIVE]
    parts = [
        "**Attacks**, by kind",
        _attacks(attacks, names, by="kind"),
        "**Attacks**, by instrument",
        _attacks(attacks, names, by="instrument"),
        "**Live visits**",
        _live(live, names),
    ]
    return "\n\n".join(parts)


def _attacks(outcomes: Sequence[Outcome], names: Sequence[str], by: str) -> str:
    head = ["shown", "visits"]
    head += [f"{name}: {what}" for name in names for what in ("live", "undecided", "APCER")]
    rows = []
    for label in dict.fromkeys(getattr(outcome, by) for outcome in outcomes):
        chosen = [outcome for outcome in outcomes if getattr(outcome, by) == label]
        row = [label, str(len(chosen))]
        for name in names:
            verdicts = [outcome.verdict(name) for outcome in chosen]
            hits = verdicts.count("live")
            rate = percent(exact_interval(hits, len(verdicts)), 1)
            row += [str(hits), str(verdicts.count("undecided")), rate]
        rows.append(row)
    return table(head, rows)


def _live(outcomes: Sequence[Outcome], names: Sequence[str]) -> str:
    head = [
        *("check", "people", "visits", "live", "undecided", "BPCER"),
        *("decided after: median, 95 % (s)", "waited for the check: median (s)", "ms a frame"),
    ]
    rows: list[list[str]] = []
    owners = {clip: person for person, clips in PEOPLE.items() for clip in clips}
    sides = {"all": set(PEOPLE), "before a wall with something on it": set(PEOPLE) - BARE_WALL}
    for side, people in sides.items():
        for name in names:
            chosen = [outcome for outcome in outcomes if owners[outcome.clip] in people]
            if chosen:
                rows.append([name, side, *_live_row(chosen, name)])
    return table(head, rows)


def _live_row(chosen: Sequence[Outcome], name: str) -> list[str]:
    verdicts = [outcome.verdict(name) for outcome in chosen]
    counts = [
        exact_interval(verdicts.count(word), len(verdicts)) for word in ("undecided", "attack")
    ]
    after = np.array([outcome.after_s.get(name, _WITHIN_S) for outcome in chosen])
    waited = np.maximum(after - MATCHED_AFTER_S, 0)
    cost = sum(outcome.cpu_ms.get(name, 0.0) for outcome in chosen)
    frames = sum(round(after_s * 15) + 1 for after_s in after)
    return [
        str(len(chosen)),
        str(verdicts.count("live")),
        *(percent(count, 1) for count in counts),
        f"{np.median(after):.2f}, {np.percentile(after, 95):.2f}",
        f"{np.median(waited):.2f}",
        f"{cost / frames:.2f}",
    ]
