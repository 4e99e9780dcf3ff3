"""Everything is encrypted anew while the server writes, and nothing that needs a key loses it."""

import argparse
import sqlite3
import threading
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import event, inspect, text
from sqlmodel import SQLModel, select

from server.backup.before_migration import FOLDER, copying
from server.backup.restore import KEPT
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Sealed, Vault, open_vault
from server.enrollment.gallery import open_template
from server.enrollment.photo import digests_of, open_photo
from server.enrollment.tables import Enrolment, EnrolmentPhoto, Template
from server.errors import ConfigurationError
from server.imports.findings import RowOutcome
from server.jobs import service as jobs
from server.jobs.tables import Job
from server.jobs.tasks import JobWorkers
from server.key_rotation import rotation
from server.key_rotation.commands import add_rotation_arguments, rotate_command
from server.key_rotation.sealed_values import SEALED_COLUMNS, SealedColumn
from server.key_rotation.tasks import RotateKeys
from tests.integration.school.conftest import School
from tests.support.old_rows import add_rows

pytestmark = pytest.mark.integration
PHOTO = b"a photo"


@dataclass
class Server:
    """A server whose worker is stepped."""

    settings: Settings
    database: Database
    vault: Vault

    def work(self) -> bool:
        lease = timedelta(seconds=30)
        workers = JobWorkers(self.database, [], lease=lease, software=lambda: "1")
        return workers.run_one([RotateKeys(self.database, self.vault)])

    def command(self, *words: str) -> None:
        parser = argparse.ArgumentParser()
        add_rotation_arguments(parser)
        assert rotate_command(self.settings, parser.parse_args(words)) == 0

    def used(self) -> set[str]:
        with self.database.reading() as db:
            return set(rotation.usage(db))


@pytest.fixture
def server(school: School) -> Server:
    url = school.database.engine.url.render_as_string(hide_password=False)
    settings = school.settings.model_copy(update={"database_url": SecretStr(url)})
    return Server(settings, school.database, open_vault(settings))


def sealed_of(column: SealedColumn, row: Any) -> Sealed:
    return Sealed(getattr(row, column.key_column), getattr(row, column.data_column))


def fill(server: Server) -> None:
    """Put a value of the old key into every sealed column, and a real photo."""
    with server.database.engine.begin() as connection:
        for number in (11, 12):
            add_rows(connection, number)
    with server.database.transaction() as db:
        for column in SEALED_COLUMNS:
            for row in db.exec(select(column.table)):
                if hasattr(row, "outcome"):
                    row.outcome = RowOutcome.NEW
                context = column.context(row)
                made = server.vault.seal(PHOTO, purpose=column.purpose, context=context)
                setattr(row, column.key_column, made.key_id)
                setattr(row, column.data_column, made.data)
        for enrolment in db.exec(select(Enrolment)):
            made_of = digests_of(server.vault, PHOTO, enrolment.person_id)
            enrolment.photo_digest = made_of[server.vault.active_key_id]


def test_every_sealed_column_is_known() -> None:
    tables: set[type[SQLModel]] = {one.table for one in SEALED_COLUMNS}
    keyed = {
        (table.name, column.name)
        for table in SQLModel.metadata.sorted_tables
        for column in table.columns
        if column.name == "key_id" or column.name.endswith("_key_id")
    }
    known = {(inspect(one.table).local_table.name, one.key_column) for one in SEALED_COLUMNS}
    assert keyed == known
    assert len(tables) == len(SEALED_COLUMNS) - 1, "a kiosk has two"


def test_every_value_opens_with_the_new_key_alone(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(server)
    old = server.vault.active_key_id
    server.command()
    assert server.work()
    new = server.vault.active_key_id
    assert new != old
    assert server.used() == {new}

    server.command("--status")
    assert "Nothing is left." in capsys.readouterr().out
    server.command("--drop")
    alone = open_vault(server.settings)
    assert alone.key_ids() == (new,)
    with server.database.reading() as db:
        for column in SEALED_COLUMNS:
            for row in db.exec(select(column.table)):
                plain = alone.open(
                    sealed_of(column, row), purpose=column.purpose, context=column.context(row)
                )
                assert plain == PHOTO
        for photo in db.exec(select(EnrolmentPhoto)):
            enrolment = db.get_one(Enrolment, photo.enrolment_id)
            expected = digests_of(alone, open_photo(alone, photo), enrolment.person_id)
            assert enrolment.photo_digest == expected[new]


def killed_after(server: Server, transactions: int) -> Callable[[], None]:
    """Let the work die after some transactions; returns what ends that."""
    engine, left = server.database.engine, [transactions]

    def count(_connection: Any) -> None:
        left[0] -= 1
        if left[0] < 0:
            raise SystemExit

    event.listen(engine, "commit", count)
    return lambda: event.remove(engine, "commit", count)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_rotation_that_dies_goes_on_where_it_was(server: Server) -> None:
    fill(server)
    old = server.vault.active_key_id
    server.command()
    for transactions in (3, 9):
        revive = killed_after(server, transactions)
        with pytest.raises(SystemExit):
            RotateKeys(server.database, server.vault).run(claimed(server))
        revive()
        assert old in server.used()
    RotateKeys(server.database, server.vault).run(claimed(server))
    assert server.used() == {server.vault.active_key_id}


def claimed(server: Server) -> Any:
    with server.database.transaction() as db:
        for row in db.exec(select(Job).where(Job.kind == rotation.ROTATE)):
            row.state = "waiting"
            db.flush()
        return jobs.claim(
            db, rotation.ROTATE, by=jobs.Worker("w", timedelta(seconds=30), "1"), at=now()
        )


def test_writers_go_on_with_the_new_key_while_everything_is_sealed_anew(
    school: School, server: Server
) -> None:
    people = [school.person() for _ in range(3)]
    templates = [school.enrol(people[at % 3]) for at in range(30)]
    other = open_vault(server.settings)  # another server on the same folder
    server.command()
    errors: list[BaseException] = []

    def write() -> None:
        try:
            school.vault = other
            other.follow()
            templates.extend(school.enrol(people[at % 3]) for at in range(10))
            school.erase(templates[0])
        except Exception as exc:  # noqa: BLE001 - told to the test
            errors.append(exc)

    writer = threading.Thread(target=write)
    writer.start()
    assert server.work()
    writer.join()
    server.command()
    server.work()
    assert errors == []
    with server.database.reading() as db:
        found = {one.id: one for one in db.exec(select(Template))}
        assert found.keys() == set(templates[1:])
        assert all(open_template(server.vault, one) for one in found.values())
        assert all(open_template(other, one) for one in found.values())
    assert uuid.UUID(str(templates[0])) not in found


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_key_that_something_needs_is_not_dropped(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(server)
    old = server.vault.active_key_id
    server.command()
    server.command("--drop")
    assert f"Kept the key {old}" in capsys.readouterr().out
    copy = copying(server.database, open_vault(server.settings), server.settings)
    assert copy is not None
    copied_with = open_vault(server.settings).active_key_id
    copy()  # encrypted with the new key, and its values with the old one
    server.command()
    while server.work():
        pass
    server.command("--drop")
    said = capsys.readouterr().out
    assert f"Kept the key {old}" in said
    assert f"Kept the key {copied_with}" in said
    (copied,) = (server.settings.data_dir / FOLDER).iterdir()
    copied.unlink()
    server.command("--drop")
    said = capsys.readouterr().out
    assert f"Deleted the key {old}" in said
    assert f"Deleted the key {copied_with}" in said


def put_aside(server: Server) -> None:
    """Keep the database under the name that a restore gives it."""
    if server.database.is_sqlite:
        path = str(server.database.engine.url.database)
        with closing(sqlite3.connect(path)) as source:
            source.execute("VACUUM INTO ?", (f"{path}{KEPT}20261128T020000Z",))
        return
    with server.database.transaction() as db:
        db.execute(text("CREATE SCHEMA before_restore_20261128t020000z"))
        db.execute(text("CREATE TABLE before_restore_20261128t020000z.pins AS TABLE public.pins"))


def test_key_that_a_put_aside_database_needs_is_not_dropped(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(server)
    old = server.vault.active_key_id
    put_aside(server)
    server.command()
    assert server.work()
    server.command("--drop")
    assert f"Kept the key {old}" in capsys.readouterr().out


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", ["before-migration/rollcall-20261128T020000Z.backup", "test"])
def test_every_key_is_kept_while_a_copy_is_unreadable(
    server: Server, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = server.settings.data_dir / name
    if name == "test":
        path = Path(f"{server.database.engine.url.database}{KEPT}20261128T020000Z")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"damaged" * 1000)
    old = server.vault.active_key_id
    server.command()
    server.command("--drop")
    said = capsys.readouterr().out
    assert path.name in said
    assert f"Kept the key {old}" in said
    assert "Deleted" not in said


def test_named_keys_are_not_mixed_with_files(server: Server) -> None:
    named = server.settings.model_copy(update={"master_key": SecretStr("A" * 43 + "=")})
    with pytest.raises(ConfigurationError, match="--named"):
        Server(named, server.database, server.vault).command()
