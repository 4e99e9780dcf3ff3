"""What every test of the simulation needs."""

import gc
import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def crashed_machines() -> Iterator[None]:
    """Let machines that crashed go without closing anything, as they do when the power fails."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield
        gc.collect()
