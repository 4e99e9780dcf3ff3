"""Worlds of real processes on SQLite and PostgreSQL, and what they report for the table."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.faults.school.world import Outcome, World, clock_library, world

Report = Callable[[Outcome], None]


@pytest.fixture(params=["sqlite", "postgresql"])
def kept_in(request: pytest.FixtureRequest) -> str:
    """Run the test on both databases."""
    kind: str = request.param
    return kind


@pytest.fixture
def make_world(
    kept_in: str, tmp_path: Path, request: pytest.FixtureRequest
) -> Callable[..., AbstractContextManager[World]]:
    """Return what runs a school; see `tests.faults.school.world.world`."""
    url = request.getfixturevalue("migrated_postgres_url") if kept_in == "postgresql" else None

    @contextmanager
    def make(**options: object) -> Iterator[World]:
        with world(tmp_path, url, **options) as made:  # type: ignore[arg-type]
            yield made

    return make


@pytest.fixture
def running(make_world: Callable[..., AbstractContextManager[World]]) -> Iterator[World]:
    """A school with a kiosk that has its lesson."""
    with make_world() as made:
        made.kiosk.start()
        yield made


@pytest.fixture
def shifted(
    make_world: Callable[..., AbstractContextManager[World]], tmp_path: Path
) -> Iterator[World]:
    """A school whose kiosk can be started with a wrong clock."""
    library = clock_library(tmp_path)
    with make_world() as made:
        made.kiosk.clock_library = library
        made.kiosk.start()
        yield made


@pytest.fixture
def report(
    kept_in: str, record_property: Callable[[str, object], None], request: pytest.FixtureRequest
) -> Report:
    """Return what notes an outcome for the table of `make faults`."""
    return partial(_note, record_property, request.node, kept_in, time.monotonic())


def _note(
    record_property: Callable[[str, object], None],
    node: pytest.Item,
    kept_in: str,
    began_s: float,
    outcome: Outcome,
) -> None:
    words = getattr(node.function, "__doc__", "") or ""  # type: ignore[attr-defined]
    call = node.callspec.id if hasattr(node, "callspec") else ""
    record_property("fault", words.splitlines()[0].rstrip("."))
    record_property("case", call)
    record_property("database", kept_in)
    for name in ("recorded", "in_register", "undecided", "lost"):
        record_property(name, getattr(outcome, name))
    record_property("seconds", round(time.monotonic() - began_s, 1))
