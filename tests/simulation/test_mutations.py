"""Each fault that the product once had is found when it is brought back."""

import pytest

from tests.simulation.mutations import MUTATIONS
from tests.simulation.run import Plan, run

#: The first seed that finds it, from 1 on; `make simulate ARGS=--mutations` looks for them anew.
FOUND_BY = {
    "believes_any_401": 2,
    "believes_watermarks": 2,
    "counts_twice": 7,
    "deletes_delivered": 2,
    "renumbers_once": 67,
    "reuses_numbers": 6,
    "states_no_gaps": 3,
}


@pytest.mark.parametrize("name", sorted(FOUND_BY))
def test_mutation_is_found(name: str) -> None:
    mutation = MUTATIONS[name]
    plan = Plan(seed=FOUND_BY[name], days=1, kiosks=1, faults=mutation.faults, mutation=name)

    assert run(plan).problems
    assert not run(Plan(seed=plan.seed, days=1, kiosks=1, faults=plan.faults)).problems


def test_every_mutation_has_a_seed() -> None:
    assert set(FOUND_BY) == set(MUTATIONS)
