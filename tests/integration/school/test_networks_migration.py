"""A school that has templates goes on with the network that most of its people have them of."""

import uuid
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlmodel import select

from server.db.engine import Database
from server.enrollment.tables import Enrolment
from server.migrations import runner
from server.networks.service import networks_of, row_of
from tests.integration.school.test_jobs_migration import _add
from tests.support.migrating import migrate

pytestmark = pytest.mark.integration
AT = datetime(2026, 11, 2, 7, 0, tzinfo=UTC)


def _template(connection: object, person: int, model_id: str) -> None:
    enrolment = uuid.uuid4()
    _add(
        connection,  # type: ignore[arg-type]
        "enrolments",
        id=enrolment,
        person_id=uuid.UUID(int=person),
        status="accepted",
        advice=[],
        correlation_id="chain",
        created_by="user:1",
        created_at=AT,
    )
    _add(
        connection,  # type: ignore[arg-type]
        "templates",
        id=uuid.uuid4(),
        person_id=uuid.UUID(int=person),
        enrolment_id=enrolment,
        model_id=model_id,
        dimension=1,
        key_id="k",
        data=b"x",
        is_restored=False,
        created_at=AT,
    )


def _school(database: Database, templates: list[tuple[int, str]]) -> None:
    migrate(database, "0010")
    with database.engine.begin() as connection:
        for number in {person for person, _ in templates}:
            _add(
                connection,
                "people",
                id=uuid.UUID(int=number),
                student_number=f"S{number}",
                given_name="A",
                family_name="B",
                display_name="A B",
                search_text="",
                created_at=AT,
            )
        for person, model_id in templates:
            _template(connection, person, model_id)
    migrate(database, "head")


@pytest.mark.parametrize(
    ("templates", "expected"),
    [
        ([], None),
        ([(1, "dlib")], "dlib"),
        ([(1, "dlib"), (1, "dlib"), (1, "dlib"), (2, "sface"), (3, "sface")], "sface"),
        ([(1, "sface"), (1, "dlib"), (2, "dlib"), (2, "sface"), (3, "dlib")], "dlib"),
        ([(1, "b"), (2, "a")], "a"),
    ],
)
def test_network_of_most_people_goes_on(
    database: Database, templates: list[tuple[int, str]], expected: str | None
) -> None:
    _school(database, templates)
    runner.check(database)
    with database.reading() as db:
        found = networks_of(db)
        assert (found.current, found.next, found.collects_scans) == (expected, None, False)
        assert row_of(db).chosen_by == (None if expected is None else "system")
        assert {row.source for row in db.exec(select(Enrolment))} == (
            {"photo"} if templates else set()
        )


def test_older_server_finds_no_enrolment_without_a_photo(database: Database) -> None:
    _school(database, [(1, "dlib"), (1, "dlib")])
    with database.engine.begin() as connection:
        first = connection.execute(text("SELECT id FROM enrolments")).first()
        assert first is not None
        connection.execute(
            text("UPDATE enrolments SET source = 'scan' WHERE id = :id"), {"id": first.id}
        )
    migrate(database, "0010")
    with database.engine.begin() as connection:
        for table in ("enrolments", "templates"):
            assert len(connection.execute(text(f"SELECT id FROM {table}")).all()) == 1
