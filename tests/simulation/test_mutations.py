"""Each fault that the product once had is found when it is brought back."""

from dataclasses import replace

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import Plan, run

#: The first seed that finds it, from 1 on; `make simulate ARGS=--mutations` looks for them anew.
#: A change of the product moves what happens in a run, so other seeds are tried where one fails.
FOUND_BY = {
    "believes_any_401": 2,
    "believes_watermarks": 2,
    "counts_twice": 22,
    "deletes_delivered": 2,
    "renumbers_once": 67,
    "reuses_numbers": 6,
    "states_no_gaps": 3,
}
_MOST_SEEDS = 40


@pytest.mark.parametrize("name", sorted(FOUND_BY))
def test_mutation_is_found(name: str) -> None:
    seeds = [FOUND_BY[name], *range(1, _MOST_SEEDS)]
    mutated = (_plan(seed, name) for seed in seeds)
    found = next((plan for plan in mutated if run(plan).problems), None)

    assert found is not None, f"none of {len(seeds)} seeds finds it"
    assert not run(replace(found, mutation=None)).problems


def _plan(seed: int, name: str) -> Plan:
    return Plan(seed=seed, days=1, kiosks=1, faults=MUTATIONS[name].faults, mutation=name)


def test_every_mutation_has_a_seed() -> None:
    assert set(FOUND_BY) == set(MUTATIONS)
