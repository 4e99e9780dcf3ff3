"""The garbage collector looks at what tests make, not at every module and test again and again."""

import gc
from collections.abc import Generator

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collecting tests makes what stays until the end: look for no garbage in it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Leave all that is there now alone for good; what tests make is looked at as ever.

    Otherwise every full look goes through all modules and all collected tests again.
    """
    gc.collect()
    gc.freeze()
