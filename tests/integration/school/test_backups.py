"""A backup of either database holds every row, and restores into either."""

import argparse
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, text
from sqlmodel import select

from server.app import open_storage
from server.attendance.erasure import erase_person
from server.audit.service import record, verify
from server.audit.tables import AuditEntry
from server.backup.commands import add_restore_arguments, restore_command
from server.backup.dump import WrittenBackup, write_backup
from server.backup.errors import BackupError, NewerBackupError
from server.backup.reading import opened
from server.backup.records import Row
from server.backup.recovery_key import RecoveryKey, key_of, make_key
from server.backup.restore import KEPT_FOR, Wish, remove_kept, restore
from server.backup.service import only
from server.config import Settings
from server.db.engine import Database
from server.db.lock import serving_lock
from server.db.types import new_id, now
from server.enrollment import service as enrollment
from server.enrollment.tables import Template
from server.kiosks.tables import Kiosk, KioskState
from server.migrations import runner
from server.people.consent import ConsentState
from server.people.schemas import ConsentCreate
from server.people.service import ERASED_NAME, consents_of, states_of
from server.people.tables import ConsentDecision, ConsentRole, Person
from tests.integration.school.conftest import School
from tests.support.migrating import migrate
from tests.support.old_rows import add_rows
from tests.support.postgres import new_database

pytestmark = pytest.mark.integration
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
KEY = key_of(bytes(32))
#: What a restore changes on purpose.
SETTLED = {"sign_ins", "api_tokens", "audit_entries", "kiosks", "gallery_entries", "jobs"}


def written(database: Database, path: Path, key: RecoveryKey = KEY) -> WrittenBackup:
    with database.snapshot() as connection:
        return write_backup(connection, path, key)


def rows_of(path: Path) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    with opened(path, only(KEY)) as backup:
        for part in backup.parts():
            rows = [[repr(value) for value in row] for row in part.rows]
            found.setdefault(part.table, []).extend(rows)
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


@pytest.fixture
def other_kind(request: pytest.FixtureRequest, database: Database, tmp_path: Path) -> str:
    """The address of an empty database of the other kind."""
    if database.is_sqlite:
        return str(request.getfixturevalue("postgres_url"))
    return f"sqlite:///{tmp_path / 'target.sqlite3'}"


@pytest.fixture
def target(
    request: pytest.FixtureRequest, database: Database, migrated_sqlite: Path, tmp_path: Path
) -> Iterator[str]:
    """The address of another migrated, empty database of the same kind."""
    if database.is_sqlite:
        yield f"sqlite:///{shutil.copy(migrated_sqlite, tmp_path / 'target.sqlite3')}"
        return
    port, empty = map(request.getfixturevalue, ("postgres_port", "migrated_postgres"))
    with new_database(port, template=empty) as url:
        yield url


@pytest.fixture
def quick_schema(monkeypatch: pytest.MonkeyPatch, migrated_sqlite: Path) -> None:
    """Copy the schema of SQLite, which takes milliseconds, where a test is not about it."""
    with closing(sqlite3.connect(migrated_sqlite)) as found:
        query = "SELECT sql FROM sqlite_master WHERE sql NOT NULL AND name NOT LIKE 'sqlite_%'"
        statements = [sql for (sql,) in found.execute(query)]

    def copied(connection: Connection, revision: str, *, time_zone: str) -> None:
        if connection.dialect.name != "sqlite":
            runner.migrate(connection, revision, time_zone=time_zone)
        elif revision != "head":
            for sql in statements:
                connection.exec_driver_sql(sql)
            connection.execute(text("INSERT INTO alembic_version VALUES (:r)"), {"r": revision})

    monkeypatch.setattr("server.backup.load.migrate", copied)


def wish(*, replace: bool = False) -> Wish:
    return Wish(replace, "Europe/Berlin", now())


def put_back(url: str, path: Path, *, replace: bool = False) -> None:
    with opened(path, only(KEY)) as backup:
        restore(url, backup, wish(replace=replace))


def test_every_row_of_every_table_comes_back_in_the_other_kind_of_database(
    database: Database, other_kind: str, tmp_path: Path
) -> None:
    with database.engine.begin() as connection:
        for number in (11, 12):
            add_rows(connection, number)
    made = written(database, tmp_path / "one")
    assert set(made.manifest.counts.values()) >= {2}

    put_back(other_kind, tmp_path / "one")

    restored = Database(other_kind)
    runner.check(restored)
    written(restored, tmp_path / "two")
    restored.close()
    before, after = rows_of(tmp_path / "one"), rows_of(tmp_path / "two")
    assert before.keys() - after.keys() <= {"sign_ins"}
    differing = {name for name in before if before[name] != after.get(name)}
    assert differing - SETTLED == set()
    assert len(after["audit_entries"]) == len(before["audit_entries"]) + 1


def test_backup_of_an_old_schema_is_brought_up_to_date(tmp_path: Path) -> None:
    old = Database(f"sqlite:///{tmp_path / 'old'}")
    migrate(old, "0033")
    with old.engine.begin() as connection:
        connection.execute(text("DELETE FROM status_codes"))
        add_rows(connection, 1)
    made = written(old, tmp_path / "one")
    old.close()
    assert made.manifest.revision == "0033"
    target = f"sqlite:///{tmp_path / 'new'}"
    put_back(target, tmp_path / "one")
    restored = Database(target)
    runner.check(restored)
    with restored.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM people")).scalar_one() == 1
    restored.close()


def test_writers_go_on_while_a_backup_shows_one_moment(database: Database, tmp_path: Path) -> None:
    with database.snapshot() as connection:
        made = write_backup(connection, tmp_path / "one", KEY)
        with database.transaction() as db:
            db.execute(text("INSERT INTO timetable_versions (id, version) VALUES (7, 1)"))
        again = write_backup(connection, tmp_path / "two", KEY)
    assert again.manifest.counts == made.manifest.counts
    later = written(database, tmp_path / "three").manifest.counts
    assert later["timetable_versions"] == made.manifest.counts["timetable_versions"] + 1


@ON_SQLITE
def test_newer_backup_is_refused_in_a_sentence(database: Database, tmp_path: Path) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    written(database, tmp_path / "one")
    with pytest.raises(NewerBackupError, match="schema 9999"):
        put_back(f"sqlite:///{tmp_path / 'new'}", tmp_path / "one")


@pytest.mark.usefixtures("quick_schema")
def test_filled_database_is_kept_when_it_is_replaced(
    database: Database, target: str, tmp_path: Path
) -> None:
    written(database, tmp_path / "one")
    present = Database(target)
    with present.transaction() as db:
        db.execute(text("INSERT INTO timetable_versions (id, version) VALUES (7, 7)"))
    present.close()

    with pytest.raises(BackupError, match="not empty"):
        put_back(target, tmp_path / "one")
    with opened(tmp_path / "one", only(KEY)) as backup:
        kept = restore(target, backup, wish(replace=True)).kept

    assert kept is not None
    old = Database(f"sqlite:///{kept}" if target.startswith("sqlite") else target)
    table = "timetable_versions"
    if not target.startswith("sqlite"):
        table = f"{kept.removeprefix('the schema ')}.{table}"
    query = text(f"SELECT version FROM {table} WHERE id = 7")
    with old.engine.connect() as connection:
        assert connection.execute(query).scalar_one() == 7
    old.close()

    restored = Database(target)
    remove_kept(restored, now() + KEPT_FOR / 2)
    remove_kept(restored, now() + KEPT_FOR * 2)
    restored.close()
    assert not is_there(target, kept)


def is_there(target: str, kept: str) -> bool:
    if target.startswith("sqlite"):
        return Path(kept).exists()
    query = text("SELECT count(*) FROM pg_namespace WHERE nspname = :name")
    with closing(Database(target)) as database, database.engine.connect() as connection:
        found = connection.execute(query, {"name": kept.removeprefix("the schema ")})
        return bool(found.scalar_one())


@ON_SQLITE
@pytest.mark.usefixtures("quick_schema")
def test_damaged_backup_leaves_the_database_as_it_was(
    database: Database, target: str, tmp_path: Path
) -> None:
    written(database, tmp_path / "one")
    content = (tmp_path / "one").read_bytes()
    (tmp_path / "one").write_bytes(content[:-1])
    present = Database(target)
    written(present, tmp_path / "before")
    present.close()
    with pytest.raises(BackupError):
        put_back(target, tmp_path / "one", replace=True)
    present = Database(target)
    written(present, tmp_path / "after")
    present.close()
    assert rows_of(tmp_path / "after") == rows_of(tmp_path / "before")


@ON_SQLITE
@pytest.mark.usefixtures("quick_schema")
def test_people_who_were_erased_after_the_backup_are_named(
    database: Database, target: str, tmp_path: Path
) -> None:
    written(database, tmp_path / "one")
    person_id = new_id()
    with closing(Database(target)) as present, present.transaction() as db:
        record(db, actor="system", action="person.view", subject=f"person:{new_id()}")
        record(db, actor="system", action="person.erase", subject=f"person:{person_id}")
    with opened(tmp_path / "one", only(KEY)) as backup:
        since = restore(target, backup, wish(replace=True)).since
    assert since is not None
    assert list(since.erased) == [person_id]


@pytest.mark.usefixtures("quick_schema")
def test_what_was_taken_back_after_the_backup_stays_taken_back(
    school: School, database: Database, tmp_path: Path
) -> None:
    people, devices = [school.person() for _ in range(6)], [school.kiosk() for _ in range(2)]
    templates = [school.enrol(one) for one in people]
    key = make_key(tmp_path / "key")
    written(database, tmp_path / "one", key)
    at = now()
    school.revoke(devices[0])
    today = at.astimezone(school.settings.zone).date()
    when: dict[str, Any] = {"actor": "system", "at": at, "today": today}
    refusal = ConsentCreate(
        given_by="S", role=ConsentRole.STUDENT, text_version="1", decision=ConsentDecision.REFUSED
    )
    with database.transaction() as db:
        consent = consents_of(db, people[0])[0]
        enrollment.withdraw_consent(db, people[0], consent.id, **when)
        enrollment.record_consent(db, people[1], refusal, **when)
        enrollment.erase_biometrics(db, people[2], actor="system", at=at)
        erase_person(db, people[4], reason="left the school", **when)
        renamed = db.get_one(Person, people[5])
        old_name, renamed.given_name, renamed.display_name = renamed.given_name, "New", "New"
        erase_person(db, people[5], reason=f"{old_name} left", **when)
    database.close()
    with opened(tmp_path / "one", only(key)) as backup:
        url = database.engine.url.render_as_string(hide_password=False)
        again = restore(url, backup, wish(replace=True)).repeated
    assert (again.kiosks, again.statements, again.people, again.erased) == (1, 2, 3, 2)
    with database.reading() as db:
        states = [db.get_one(Kiosk, school.id_of(one)).state for one in devices]
        assert states == [KioskState.REVOKED, KioskState.CLAIMED]
        erased = db.get_one(Person, people[4])
        assert (erased.erased_at is not None, erased.display_name) == (True, ERASED_NAME)
        entries = db.exec(select(AuditEntry).where(AuditEntry.action == "person.erase")).all()
        assert [one.actor for one in entries] == ["system", "system"]
        reasons = ["left the school", "erased before the restore"]
        assert [one.details["reason"] for one in entries] == reasons
        found = states_of(db, people[:4], today)
        assert [found[one] for one in people[:4]] == [
            ConsentState.WITHDRAWN,
            ConsentState.REFUSED,
            ConsentState.LIVE,
            ConsentState.LIVE,
        ]
        assert db.exec(select(Template.id)).all() == [templates[3]]
        assert verify(db).broken_at is None


@ON_SQLITE
@pytest.mark.usefixtures("quick_schema")
@pytest.mark.parametrize("garbage", [b"garbage" * 1000, b"SQLite format 3\0" + b"x" * 8000])
def test_damaged_database_is_replaced_and_kept(
    database: Database, garbage: bytes, tmp_path: Path
) -> None:
    written(database, tmp_path / "one")
    path = tmp_path / "damaged.sqlite3"
    path.write_bytes(garbage)
    with pytest.raises(BackupError, match="not empty"):
        put_back(f"sqlite:///{path}", tmp_path / "one")
    with opened(tmp_path / "one", only(KEY)) as backup:
        done = restore(f"sqlite:///{path}", backup, wish(replace=True))
    assert done.kept is not None
    assert done.since is None, "the command says that all must be done again"
    assert Path(done.kept).read_bytes() == garbage
    with closing(Database(f"sqlite:///{path}")) as restored, restored.engine.connect() as found:
        assert runner.current_revision(found) is not None


@pytest.fixture
def run(database: Database, tmp_path: Path) -> Callable[..., int]:
    """Run `rollcall-server restore` on a database with its own data folder."""
    url = database.engine.url.render_as_string(hide_password=False)
    settings = Settings(data_dir=tmp_path / "data", database_url=SecretStr(url))
    open_storage(settings)[0].close()

    def command(*words: object) -> int:
        parser = argparse.ArgumentParser()
        add_restore_arguments(parser)
        return restore_command(settings, parser.parse_args([str(word) for word in words]))

    return command


@pytest.mark.usefixtures("quick_schema")
def test_restore_waits_for_the_end_of_the_server(
    database: Database, run: Callable[..., int], tmp_path: Path
) -> None:
    key = make_key(tmp_path / "key")
    written(database, tmp_path / "one", key)
    words = (tmp_path / "one", "--key", tmp_path / "key", "--replace")
    with (
        serving_lock(tmp_path / "data"),
        pytest.raises(BackupError, match="A server runs"),
    ):
        run(*words)
    # A server on another machine, or a tool, is connected to the database.
    with database.engine.connect() as connection:
        connection.execute(text("SELECT 1"))
        with pytest.raises(BackupError, match="Another program"):
            run(*words)
    database.close()
    assert run(*words) == 0


@ON_SQLITE
@pytest.mark.usefixtures("quick_schema")
def test_restore_without_the_data_keys_is_refused(
    database: Database, run: Callable[..., int], tmp_path: Path
) -> None:
    key = make_key(tmp_path / "key")
    with database.transaction() as db:
        db.execute(
            text("INSERT INTO credential_keys (name, key_id, data) VALUES ('x', 'gone', :d)"),
            {"d": b"x"},
        )
    written(database, tmp_path / "one", key)
    database.close()
    words = (tmp_path / "one", "--key", tmp_path / "key", "--replace")
    with pytest.raises(BackupError, match=r"Data keys are missing: gone\."):
        run(*words)
    assert run(*words, "--without-keys") == 0
