"""What waited in the four old queues waits in the one new one after the upgrade."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, Table, insert, select
from sqlalchemy import MetaData as Tables

from server.db.engine import Database
from server.migrations import runner
from tests.support.migrating import migrate

pytestmark = pytest.mark.integration
AT = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)
ADA = uuid.UUID(int=1)
WAITING, RUNNING, DONE = (uuid.UUID(int=number) for number in (11, 12, 13))


def _tables(connection: Connection) -> dict[str, Table]:
    found = Tables()
    found.reflect(connection)
    return dict(found.tables)


def _value(value: object, connection: Connection) -> object:
    """SQLite's reflected columns take ids as text and times as naive UTC."""
    is_sqlite = connection.dialect.name == "sqlite"
    if isinstance(value, uuid.UUID) and is_sqlite:
        return value.hex
    return value.replace(tzinfo=None) if isinstance(value, datetime) and is_sqlite else value


def _add(connection: Connection, table: str, **values: object) -> None:
    row = {key: _value(value, connection) for key, value in values.items()}
    connection.execute(insert(_tables(connection)[table]).values(row))


def _enrolment(connection: Connection, key: uuid.UUID, status: str) -> None:
    _add(
        connection,
        "enrolments",
        id=key,
        person_id=ADA,
        status=status,
        is_waiting_for_service=False,
        advice=[],
        attempts=4,
        not_before=AT,
        lease_owner="gone" if status == "processing" else None,
        correlation_id="chain",
        created_by="user:1",
        created_at=AT,
    )


def _add_photos(connection: Connection) -> None:
    _enrolment(connection, WAITING, "pending")
    _enrolment(connection, RUNNING, "processing")
    _enrolment(connection, DONE, "accepted")
    _add(
        connection,
        "templates",
        id=uuid.UUID(int=21),
        person_id=ADA,
        enrolment_id=DONE,
        model_id="m",
        dimension=1,
        key_id="k",
        data=b"x",
        is_restored=False,
        created_at=AT,
    )


def _add_queues(connection: Connection) -> None:
    _add(
        connection,
        "gallery_checks",
        person_id=ADA,
        model_id="m",
        revision=3,
        attempts=2,
        not_before=AT,
    )
    for model, reason in (("m2", None), ("m3", "TOO_BLURRED")):
        _add(
            connection,
            "missing_templates",
            enrolment_id=DONE,
            model_id=model,
            attempts=0,
            not_before=AT,
            reason=reason,
        )
    for number, status in enumerate(("waiting", "done", "failed"), start=31):
        _add(
            connection,
            "accuracy_measurements",
            id=uuid.UUID(int=number),
            model_id="m",
            status=status,
            requested_by="user:1",
            requested_at=AT,
            attempts=0,
            not_before=AT,
            finished_at=None if status == "waiting" else AT,
        )


@pytest.fixture
def landed(database: Database) -> Database:
    """A database of the release before, with something in every queue."""
    migrate(database, "0009")
    with database.engine.begin() as connection:
        _add(
            connection,
            "people",
            id=ADA,
            student_number="S-1",
            given_name="Ada",
            family_name="A",
            display_name="Ada A",
            search_text="ada a",
            created_at=AT,
        )
        _add_photos(connection)
        _add_queues(connection)
    return database


def _jobs(database: Database) -> list[tuple[str, str, str, int]]:
    with database.engine.connect() as connection:
        table = _tables(connection)["jobs"]
        columns = (table.c.kind, table.c.key, table.c.state, table.c.attempts)
        return sorted(tuple(row) for row in connection.execute(select(*columns)))


EXPECTED = [
    ("add_model", f"{DONE}:m2", "waiting", 0),
    ("compare", f"m:{ADA}", "waiting", 0),
    ("encode", str(WAITING), "waiting", 0),
    ("encode", str(RUNNING), "waiting", 0),
    ("measure", "m", "waiting", 0),
]


def test_every_queue_is_moved(landed: Database) -> None:
    runner.upgrade(landed)
    runner.check(landed)
    assert _jobs(landed) == sorted(EXPECTED)
    with landed.engine.connect() as connection:
        tables = _tables(connection)
        statuses = connection.execute(select(tables["enrolments"].c.status)).scalars().all()
        assert sorted(statuses) == ["accepted", "pending", "pending"]
        checked = connection.execute(select(tables["templates"].c.checked_at)).scalars().all()
        assert None not in checked, "kiosks hold it already"
        measured = connection.execute(select(tables["accuracy_measurements"].c.status))
        assert measured.scalars().all() == ["done"]


def test_downgrade_and_another_upgrade_lose_no_photo_and_no_check(landed: Database) -> None:
    runner.upgrade(landed)
    migrate(landed, "0009")
    runner.upgrade(landed)
    runner.check(landed)
    kept = [job for job in _jobs(landed) if job[0] in {"encode", "compare", "add_model"}]
    assert kept == [job for job in sorted(EXPECTED) if job[0] != "measure"]
