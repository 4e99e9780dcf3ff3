"""Runs of received numbers equal plain set arithmetic, in whatever order numbers come."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine
from sqlmodel import Session

from server.kiosks.runs import Run, keep, missing_numbers, runs_beyond, runs_of
from server.kiosks.tables import KioskProgress, ReceivedRun
from tests.support.sequences import HeldNumbers, Part

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
#: A number that arrives, or a span that a gap event or an admin closes.
SPANS = st.builds(
    lambda first, more: Run(first, first + more),
    st.integers(1, 40),
    st.one_of(st.just(0), st.integers(0, 25)),
)


@pytest.fixture(scope="module")
def db() -> Iterator[Session]:
    engine = create_engine("sqlite://")
    ReceivedRun.__table__.create(engine)  # type: ignore[attr-defined]
    with Session(engine) as session:
        yield session
    engine.dispose()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spans=st.lists(SPANS, min_size=1, max_size=8))
def test_runs_equal_set_arithmetic(db: Session, spans: list[Run]) -> None:
    progress = KioskProgress(kiosk_id=uuid.uuid4(), stored_through=0, highest_seq=0)
    model = HeldNumbers()
    for span in spans:
        before = len(model.held)
        added = keep(db, progress, [span], AT)
        model.take(Part(span.first, (span.first, span.last)))
        assert added == len(model.held) - before
        assert progress.stored_through == model.word[0]
    assert progress.highest_seq == max(model.held)
    beyond = [(run.first, run.last) for run in runs_beyond(db, progress)]
    assert beyond == model.word[1]
    missing = missing_numbers(db, progress)
    lacking = set(range(1, max(model.held))) - model.held
    assert (missing.count if missing else 0) == len(lacking)
    assert missing is None or {missing.first, missing.last} <= lacking


def test_runs_of_numbers() -> None:
    assert runs_of([]) == []
    assert runs_of([5, 1, 2, 2, 9, 3]) == [Run(1, 3), Run(5, 5), Run(9, 9)]
