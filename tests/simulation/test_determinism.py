"""A seed is worth printing only if it brings the same run back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.kinds import ALL_FAULTS
from tests.simulation.run import Plan, run

ROOT = Path(__file__).resolve().parents[2]


def test_same_seed_gives_the_same_trace() -> None:
    plan = Plan(seed=4, days=1, kiosks=1, faults=ALL_FAULTS)

    first, second = run(plan), run(plan)

    assert first.digest == second.digest
    assert first.steps == second.steps


@pytest.mark.integration
def test_same_seed_gives_the_same_trace_in_another_process() -> None:
    plan = Plan(seed=5, days=1, kiosks=1, faults=ALL_FAULTS)
    here = run(plan).digest[:12]

    command = [sys.executable, "-m", "tests.simulation", "--seed=5", "--days=1", "--kiosks=1"]
    environment = os.environ | {"PYTHONHASHSEED": "7"}
    there = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )

    assert f"trace {here}" in there.stdout, there.stderr


def test_other_seed_gives_another_trace() -> None:
    plans = [Plan(seed=seed, days=1, kiosks=1, faults=ALL_FAULTS) for seed in (6, 7)]

    assert len({run(plan).digest for plan in plans}) == 2
