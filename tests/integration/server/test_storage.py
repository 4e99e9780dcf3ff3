"""Migrations, transactions, locks and the audit chain, on SQLite and PostgreSQL."""

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import inspect, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, select

import server.migrations
from server.accounts.tables import Account
from server.app import open_storage
from server.audit.service import record, verify
from server.audit.tables import AuditEntry
from server.config import Settings
from server.db.engine import Database
from server.db.lock import startup_lock
from server.db.types import new_id, now
from server.enrollment.gallery import log_change
from server.enrollment.tables import (
    ChangeKind,
    GalleryChange,
    Template,
)
from server.jobs import service as jobs
from server.migrations.runner import check, upgrade
from server.people.tables import Consent, Person
from tests.support.stepping import worker_of


@pytest.fixture
def empty(unmigrated_settings: Settings) -> Iterator[Database]:
    """A database without tables."""
    unmigrated_settings.data_dir.mkdir(parents=True)
    database = Database(unmigrated_settings.sqlalchemy_url)
    yield database
    database.close()


@pytest.fixture
def fresh(settings: Settings) -> Iterator[Database]:
    """A migrated, empty database."""
    database = Database(settings.sqlalchemy_url)
    yield database
    database.close()


def test_schema_equals_the_tables_in_code(empty: Database) -> None:
    upgrade(empty)
    check(empty)


def test_a_schema_that_differs_is_found(empty: Database) -> None:
    """What the other tests here call fails where it must."""
    upgrade(empty)
    with empty.transaction() as db:
        db.execute(text("DROP TABLE line_files"))
    with pytest.raises(CommandError):
        check(empty)


def test_migrating_again_changes_nothing(empty: Database) -> None:
    upgrade(empty)
    before = _contents(empty)
    upgrade(empty)
    check(empty)
    assert _contents(empty) == before
    assert before["absence_reasons"], "migrations have written rows"


def _contents(database: Database) -> dict[str, list[str]]:
    """Return every row of every table as text."""
    with database.reading() as db:
        names = inspect(db.connection()).get_table_names()
        return {
            name: sorted(str(tuple(row)) for row in db.execute(text(f'SELECT * FROM "{name}"')))
            for name in names
        }


def test_first_start_migrates_a_database_without_tables(unmigrated_settings: Settings) -> None:
    database, _vault = open_storage(unmigrated_settings)
    check(database)
    assert _contents(database)["alembic_version"]
    database.close()


def test_tests_copy_a_database_with_the_schema_of_the_code(fresh: Database) -> None:
    check(fresh)


def test_there_is_one_head() -> None:
    folder = str(Path(server.migrations.__file__).parent)
    config = Config()
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    assert len(ScriptDirectory.from_config(config).get_heads()) == 1


def test_two_processes_may_migrate_at_once(unmigrated_settings: Settings, empty: Database) -> None:
    settings = unmigrated_settings
    errors: list[BaseException] = []

    def migrate() -> None:
        database = Database(settings.sqlalchemy_url)
        try:
            with startup_lock(settings.data_dir):
                upgrade(database)
        except DBAPIError as exc:
            errors.append(exc)
        database.close()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    check(empty)


def test_raising_rolls_everything_back(fresh: Database) -> None:
    def add_and_fail() -> None:
        with fresh.transaction() as db:
            db.add(_person("S-1"))
            db.flush()
            raise RuntimeError

    with pytest.raises(RuntimeError):
        add_and_fail()
    with fresh.reading() as db:
        assert db.exec(select(Person)).all() == []


def test_reading_never_commits(fresh: Database) -> None:
    with fresh.reading() as db:
        db.add(_person("S-1"))
        db.flush()
    with fresh.reading() as db:
        assert db.exec(select(Person)).all() == []


def test_times_come_back_in_utc_whatever_zone_they_had(fresh: Database) -> None:
    at = datetime(2026, 11, 23, 8, 0, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    with fresh.transaction() as db:
        person = _person("S-1")
        person.created_at = at
        db.add(person)
    with fresh.reading() as db:
        stored = db.exec(select(Person)).one().created_at
    assert stored == at
    assert stored.tzinfo is UTC


def test_naive_time_is_refused(fresh: Database) -> None:
    person = _person("S-1")
    person.created_at = datetime(2026, 11, 23)  # noqa: DTZ001 - that is the point
    with pytest.raises(Exception, match="needs a zone"), fresh.transaction() as db:
        db.add(person)


def test_sqlite_is_durable_and_keeps_its_references(fresh: Database) -> None:
    if not fresh.is_sqlite:
        pytest.skip("SQLite's own settings")
    with fresh.reading() as db:
        found = [
            db.execute(text(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        ]
    assert found == ["wal", 2, 1, 1]


def test_reader_is_not_blocked_by_a_writer(fresh: Database) -> None:
    with fresh.transaction() as writer:
        writer.add(_person("S-1"))
        writer.flush()
        with fresh.reading() as reader:
            assert reader.exec(select(Person)).all() == []


def test_audit_chain_is_whole_and_verifies(fresh: Database) -> None:
    for number in range(5):
        with fresh.transaction() as db:
            _record(db, number)
    with fresh.reading() as db:
        result = verify(db)
    assert (result.entries, result.broken_at) == (5, None)


def test_audit_entries_cannot_be_changed_or_deleted(fresh: Database) -> None:
    with fresh.transaction() as db:
        _record(db, 1)
    for statement in ("UPDATE audit_entries SET actor = 'x'", "DELETE FROM audit_entries"):
        with pytest.raises(DBAPIError, match="append-only"), fresh.transaction() as db:
            db.execute(text(statement))


@pytest.mark.parametrize(
    ("statement", "broken_at"),
    [
        ("UPDATE audit_entries SET actor = 'nobody' WHERE seq = 3", 3),
        ("UPDATE audit_entries SET details = '{\"n\": 99}' WHERE seq = 2", 2),
        ("DELETE FROM audit_entries WHERE seq = 3", 4),
        ("DELETE FROM audit_entries WHERE seq = 1", 2),
    ],
)
def test_somebody_with_the_database_in_hand_is_found_out(
    fresh: Database, statement: str, broken_at: int
) -> None:
    for number in range(5):
        with fresh.transaction() as db:
            _record(db, number)
    with fresh.transaction() as db:
        _disarm(fresh, db)
        db.execute(text(statement))
    with fresh.reading() as db:
        assert verify(db).broken_at == broken_at


def test_audit_chain_holds_under_concurrent_writers(fresh: Database) -> None:
    _in_threads(fresh, _record)
    with fresh.reading() as db:
        assert verify(db).entries == 40
        assert verify(db).broken_at is None


def test_gallery_changes_have_no_gaps_under_concurrent_writers(fresh: Database) -> None:
    def change(db: Session, _number: int) -> None:
        template = Template(
            person_id=new_id(),
            enrolment_id=new_id(),
            model_id="m",
            dimension=1,
            key_id="k",
            data=b"",
        )
        log_change(db, template, ChangeKind.UPSERT, now())

    _in_threads(fresh, change)
    with fresh.reading() as db:
        seqs = sorted(row.seq for row in db.exec(select(GalleryChange)))
    assert seqs == list(range(1, 41))


def test_one_job_is_never_claimed_twice(fresh: Database) -> None:
    with fresh.transaction() as db:
        for number in range(12):
            jobs.enqueue(db, "encode", {"n": str(number)}, subject="s", actor="system")
    claimed: list[object] = []

    def claim_all(owner: str) -> None:
        while True:
            with fresh.transaction() as db:
                lease = timedelta(seconds=60)
                job = jobs.claim(db, "encode", by=worker_of(owner, lease), at=now())
            if job is None:
                return
            claimed.append(job.about["n"])

    threads = [threading.Thread(target=claim_all, args=(str(n),)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(claimed) == len(set(claimed)) == 12


def test_errors_of_the_database_do_not_quote_what_was_stored(fresh: Database) -> None:
    with fresh.transaction() as db:
        db.add(_person("S-1"))
    with pytest.raises(DBAPIError) as caught, fresh.transaction() as db:
        db.add(_person("S-1"))
    assert "Zaynab" not in str(caught.value)


def test_account_names_are_unique(fresh: Database) -> None:
    def account() -> Account:
        return Account(username="a", display_name="A", role="office", password_hash="x")

    with pytest.raises(DBAPIError), fresh.transaction() as db:
        db.add_all([account(), account()])


def _person(number: str) -> Person:
    return Person(
        student_number=number,
        given_name="Zaynab",
        family_name="U",
        display_name="Zaynab U",
        search_text="zaynab u",
        sort_key=b"",
    )


def _record(db: Session, number: int) -> AuditEntry:
    return record(
        db,
        actor="system",
        action="test.run",
        subject=f"test:{number}",
        details={"n": number},
    )


def _disarm(database: Database, db: Session) -> None:
    statements = (
        ["DROP TRIGGER audit_entries_no_update", "DROP TRIGGER audit_entries_no_delete"]
        if database.is_sqlite
        else ["DROP TRIGGER audit_entries_append_only ON audit_entries"]
    )
    for statement in statements:
        db.execute(text(statement))


def _consent(person_id: uuid.UUID) -> Consent:
    return Consent(
        person_id=person_id,
        role="parent",
        given_by="A Parent",
        decision="given",
        text_version="1",
        recorded_by="system",
    )


def _in_threads(database: Database, step: Callable[[Session, int], object]) -> None:
    def ten_times(first: int) -> None:
        for number in range(first, first + 10):
            with database.transaction() as db:
                step(db, number)

    threads = [threading.Thread(target=ten_times, args=(n * 10,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
