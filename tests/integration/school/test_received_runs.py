"""What an ack says equals plain set arithmetic, and costs the same whatever the history."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from sqlalchemy import event as sqlalchemy_event
from sqlmodel import func, select

from protocol.v1.events import MAX_RANGES_PER_ACK
from server.db.engine import Database
from server.db.types import now
from server.kiosks import runs
from server.kiosks.runs import Run, missing_numbers
from server.kiosks.tables import KioskProgress, ReceivedRun
from tests.integration.school.conftest import School
from tests.support.sequences import (
    ChainMaker,
    HeldNumbers,
    Part,
    claimed_kiosk,
    histories,
    send,
    undone,
    word_of,
)

pytestmark = pytest.mark.integration
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "100"))


@pytest.fixture(scope="module")
def sqlite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Database]:
    copy = tmp_path_factory.mktemp("runs") / "test.sqlite3"
    copy.write_bytes(Path(request.getfixturevalue("migrated_sqlite")).read_bytes())
    database = Database(f"sqlite:///{copy}")
    yield database
    database.close()


@pytest.fixture(scope="module")
def chain(sqlite: Database) -> ChainMaker:
    return ChainMaker(claimed_kiosk(sqlite))


@settings(
    max_examples=EXAMPLES if EXAMPLES > 100 else 30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(history=histories())
def test_acks_equal_set_arithmetic(
    sqlite: Database, chain: ChainMaker, history: list[list[Part]]
) -> None:
    model = HeldNumbers()
    with undone(sqlite) as db:
        for batch in history:
            ack = send(db, chain.device, *(chain.event(part) for part in batch))
            for part in batch:
                model.take(part)
            assert word_of(ack) == model.word
            progress = db.get_one(KioskProgress, uuid.UUID(chain.device.kiosk_id))
            missing = missing_numbers(db, progress)
            lacking = set(range(1, max(model.held))) - model.held
            assert (missing.count if missing else 0) == len(lacking)


def test_a_span_swallows_every_run_in_it(school: School) -> None:
    device = school.kiosk()
    with school.database.transaction() as db:
        progress = db.get_one(KioskProgress, uuid.UUID(device.kiosk_id))
        singles = [Run(number, number) for number in range(2, 202, 2)]
        assert runs.keep(db, progress, singles, now()) == 100
        assert runs.keep(db, progress, [Run(3, 199)], now()) == 99
        assert progress.stored_through == 0
        rows = db.exec(select(ReceivedRun.first, ReceivedRun.last)).all()
        assert [tuple(row) for row in rows] == [(2, 200)]
        assert runs.keep(db, progress, [Run(1, 1)], now()) == 1
        assert progress.stored_through == 200
        assert db.exec(select(func.count()).select_from(ReceivedRun)).one() == 0


def test_work_and_ack_stay_bounded_past_twenty_thousand_gaps(school: School) -> None:
    """A hostile kiosk uses every second number."""
    device = school.kiosk()
    with school.database.transaction() as db:
        progress = db.get_one(KioskProgress, uuid.UUID(device.kiosk_id))
        rows = [
            {"kiosk_id": progress.kiosk_id, "first": seq, "last": seq, "opened_at": now()}
            for seq in range(2, 40_002, 2)
        ]
        db.execute(ReceivedRun.__table__.insert(), rows)  # type: ignore[attr-defined]
        progress.highest_seq = 40_000
        db.add(progress)
    device.seq = 40_001
    counted: list[str] = []
    engine = school.database.engine

    def count(*arguments: object) -> None:
        counted.append(str(arguments[2]))

    sqlalchemy_event.listen(engine, "before_cursor_execute", count)
    ack = school.send(device, *device.events(100, now()))
    sqlalchemy_event.remove(engine, "before_cursor_execute", count)
    assert len(counted) < 40
    assert len(ack.stored_beyond) == MAX_RANGES_PER_ACK
    assert (ack.stored_beyond[0].first, ack.stored_beyond[-1].last) == (2, 128)
    missing = missing_of(school, device.kiosk_id)
    assert missing is not None
    assert (missing.first, missing.last, missing.count) == (1, 40_001, 20_001)


def missing_of(school: School, kiosk_id: str) -> runs.MissingNumbers | None:
    with school.database.reading() as db:
        return missing_numbers(db, db.get_one(KioskProgress, uuid.UUID(kiosk_id)))
