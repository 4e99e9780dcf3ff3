"""A migration that is killed leaves the database as it was, and the next start finishes it."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from server.app import open_storage
from server.backup.before_migration import FOLDER, KEPT_FOR, remove_expired
from server.backup.errors import BackupError
from server.backup.reading import opened
from server.backup.restore import Wish, restore
from server.backup.retention import backup_name
from server.backup.vault_key import vault_key
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.db.vault import open_vault
from server.migrations import runner
from tests.support.killed_migrations import killed_at
from tests.support.migrating import migrate
from tests.support.old_rows import add_rows

pytestmark = pytest.mark.integration
OLD = "0033"


@pytest.fixture(params=["sqlite", "postgresql"])
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """A server whose database is some versions old."""
    settings = Settings(data_dir=tmp_path / "data", timezone="Europe/Berlin")
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        settings = settings.model_copy(update={"database_url": SecretStr(url)})
    (tmp_path / "data").mkdir(mode=0o700)
    with closing(Database(settings.sqlalchemy_url)) as database:
        migrate(database, OLD)
        with database.engine.begin() as connection:
            add_rows(connection, 11)
    return settings


def state(settings: Settings) -> tuple[str | None, int]:
    with (
        closing(Database(settings.sqlalchemy_url)) as database,
        database.engine.connect() as connection,
    ):
        people = connection.execute(text("SELECT count(*) FROM people")).scalar_one()
        return runner.current_revision(connection), people


def at_step(step: int) -> Callable[[int, str], bool]:
    """End before the schema's number is written for the n-th time."""
    steps = 0

    def is_last(_number: int, words: str) -> bool:
        nonlocal steps
        steps += words.startswith("UPDATE alembic_version")
        return steps == step

    return is_last


def test_kill_at_every_migration_rolls_back_and_the_next_start_finishes(old: Settings) -> None:
    before, step = state(old), 1
    while killed_at(old.sqlalchemy_url, at_step(step)):
        assert state(old) == before
        step += 1
    assert step > 5, "one for each migration since"
    after = state(old)
    assert after[0] != OLD
    assert after[1] == before[1]


def test_start_of_a_new_version_keeps_a_copy_that_restores(old: Settings, tmp_path: Path) -> None:
    open_storage(old)[0].close()
    (copy,) = (old.data_dir / FOLDER).iterdir()
    assert copy.stat().st_mode & 0o077 == 0

    vault, new = open_vault(old), f"sqlite:///{tmp_path / 'new.sqlite3'}"
    with opened(copy, lambda key_id: vault_key(vault, key_id)) as backup:
        assert backup.manifest.revision == OLD
        restore(new, backup, Wish(replace=False, time_zone="Europe/Berlin", at=now()))
    with closing(Database(new)) as database, database.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM people")).scalar_one() == 1

    open_storage(old)[0].close()  # nothing to migrate, so nothing to copy
    assert [copy] == list((old.data_dir / FOLDER).iterdir())
    remove_expired(old, now() + KEPT_FOR / 2)
    assert copy.exists()
    remove_expired(old, now() + KEPT_FOR * 2)
    assert not copy.exists()


@pytest.mark.parametrize("old", ["sqlite"], indirect=True)
def test_start_that_cannot_copy_changes_nothing(old: Settings) -> None:
    before = state(old)
    (old.data_dir / FOLDER).write_text("a file in the way")
    with pytest.raises(BackupError, match="ROLLCALL_SERVER_BACKUP_BEFORE_MIGRATION=false"):
        open_storage(old)
    assert state(old) == before
    open_storage(old.model_copy(update={"backup_before_migration": False}))[0].close()
    assert state(old)[0] != OLD


@pytest.mark.parametrize("old", ["sqlite"], indirect=True)
def test_migration_that_fails_at_each_start_leaves_one_copy(
    old: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise RuntimeError

    at, newest = now(), ""
    with monkeypatch.context() as failing:
        failing.setattr("server.migrations.runner.migrate", fail)
        for start in range(3):
            moment = at + timedelta(seconds=start)
            failing.setattr("server.backup.before_migration.now", lambda moment=moment: moment)
            newest = backup_name(moment)
            with pytest.raises(RuntimeError):
                open_storage(old)
    assert [one.name for one in (old.data_dir / FOLDER).iterdir()] == [newest]
