"""Run the simulation: one seed again (`--seed 7`), or new seeds for minutes or hours.

`python -m tests.simulation --seed S --days D --kiosks N` replays a run exactly.
"""

import argparse
import secrets
import sys
import time
from collections import Counter

from tests.simulation.kinds import ALL_FAULTS, KINDS
from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import Outcome, Plan, run

_SHOWN = 60
_MOST_SEEDS = 100


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; 1 where a promise was broken."""
    options = _options(arguments)
    if options.mutations:
        return find_mutations()
    faults = _faults(options)
    tally = Tally()
    for seed in _seeds(options):
        outcome = run(Plan(seed, options.days, options.kiosks, faults, options.mutation))
        tally.add(outcome)
        say(_line(outcome))
        if options.trace:
            say("\n".join(outcome.tail))
        elif outcome.problems:
            say("\n".join(outcome.tail[-_SHOWN:]))
        for problem in outcome.problems:
            say(f"  broken: {problem}")
    say(tally.table())
    return 1 if tally.failed else 0


def say(text: str) -> None:
    """Write a line at once: a run of hours is watched."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def find_mutations() -> int:
    """Bring each fault back and count the seeds until it is found; 1 where one is not."""
    say("| fault | first seed | first broken promise |\n|---|---|---|")
    missed = 0
    for name, mutation in MUTATIONS.items():
        for seed in range(1, _MOST_SEEDS + 1):
            problems = run(Plan(seed, 1, 1, mutation.faults, name)).problems
            if problems:
                say(f"| {mutation.words} | {seed} | {problems[0][:70]} |")
                break
        else:
            missed += 1
            say(f"| {mutation.words} | not found | |")
    return 1 if missed else 0


class Tally:
    """What several runs came to."""

    def __init__(self) -> None:
        self._began, self._cpu = time.perf_counter(), time.process_time()
        self._happened: Counter[str] = Counter()
        self.runs = self.days = self.kiosk_days = self.marks = 0
        self.failed: list[int] = []

    def add(self, outcome: Outcome) -> None:
        """Count a run."""
        plan = outcome.plan
        self.runs += 1
        self.days += plan.days + 1
        self.kiosk_days += (plan.days + 1) * plan.kiosks
        self.marks += outcome.marks
        self._happened.update(outcome.happened)
        if outcome.problems:
            self.failed.append(plan.seed)

    def table(self) -> str:
        """Return the counts in words, and what happened how often."""
        wall_min = (time.perf_counter() - self._began) / 60
        cpu_min = (time.process_time() - self._cpu) / 60
        lines = [
            f"{self.runs} runs, {self.days} school days, {self.kiosk_days} kiosk days,"
            f" {self.marks} marks shown as recorded",
            f"{self.days / wall_min:.0f} virtual school days per minute"
            f" ({self.days / max(cpu_min, 1e-9):.0f} per minute of processor time)",
            *(f"  {name:20} {count}" for name, count in sorted(self._happened.items())),
            f"broken promises in {len(self.failed)} runs, seeds {self.failed}",
        ]
        return "\n".join(lines)


def _line(outcome: Outcome) -> str:
    plan = outcome.plan
    verdict = f"{len(outcome.problems)} BROKEN" if outcome.problems else "ok"
    return (
        f"seed {plan.seed}: {verdict}, {outcome.marks} marks,"
        f" {sum(outcome.happened.values())} faults, {outcome.steps} steps,"
        f" {outcome.wall_s:.1f} s, trace {outcome.digest[:12]}"
    )


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one seed")
    parser.add_argument("--runs", type=int, default=1, help="number of seeds, from --seed on")
    parser.add_argument("--hours", type=float, help="go on with new seeds for so long")
    parser.add_argument("--days", type=int, default=2, help="school days with faults in a run")
    parser.add_argument("--kiosks", type=int, default=2, help="doors with a kiosk")
    parser.add_argument("--faults", help="only these kinds, separated by commas")
    parser.add_argument("--without", default="", help="all kinds but these")
    parser.add_argument("--mutation", choices=sorted(MUTATIONS), help="bring a fault back")
    parser.add_argument("--mutations", action="store_true", help="look for each fault of before")
    parser.add_argument("--trace", action="store_true", help="print the last steps in any case")
    return parser.parse_args(arguments)


def _faults(options: argparse.Namespace) -> frozenset[str]:
    named = frozenset(filter(None, (options.faults or "").split(",")))
    without = frozenset(filter(None, options.without.split(",")))
    unknown = (named | without) - set(KINDS)
    if unknown:
        sys.exit(f"no such faults: {sorted(unknown)}; known: {sorted(KINDS)}")
    return (named or ALL_FAULTS) - without


def _seeds(options: argparse.Namespace) -> "Seeds":
    return Seeds(options.seed, options.runs, options.hours)


class Seeds:
    """Seeds to run: from a first one on, or new ones until the time is up."""

    def __init__(self, first: int | None, runs: int, hours: float | None) -> None:
        self._next = first if first is not None else secrets.randbelow(10**9)
        self._left = runs
        self._until = None if hours is None else time.perf_counter() + hours * 3600

    def __iter__(self) -> "Seeds":
        return self

    def __next__(self) -> int:
        is_over = self._left <= 0 if self._until is None else time.perf_counter() > self._until
        if is_over:
            raise StopIteration
        self._left -= 1
        self._next += 1
        return self._next - 1


if __name__ == "__main__":
    sys.exit(main())
