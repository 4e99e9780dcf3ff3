"""The data folder and the database are for the server's account alone, whoever makes them first."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from server.config import Settings
from server.db.engine import Database
from server.db.lock import startup_lock
from server.mqtt.secret import broker_folder


@pytest.fixture(autouse=True)
def usual_umask() -> Iterator[None]:
    """New files may be read by everybody unless somebody takes care."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def lock(settings: Settings) -> None:
    with startup_lock(settings.data_dir):
        pass


STARTS: dict[str, Callable[[Settings], object]] = {"server": lock, "broker": broker_folder}


@pytest.mark.parametrize("first", STARTS)
@pytest.mark.parametrize("was_there", [False, True])
def test_data_folder_is_private_whichever_process_starts_first(
    tmp_path: Path, first: str, was_there: bool
) -> None:
    folder = tmp_path / "deep" / "data"
    if was_there:
        folder.mkdir(parents=True)
    STARTS[first](Settings(data_dir=folder))

    assert mode(folder) == 0o700


@pytest.mark.parametrize("was_there", [False, True])
def test_database_and_its_journal_are_private(tmp_path: Path, was_there: bool) -> None:
    path = tmp_path / "rollcall.sqlite3"
    if was_there:
        path.touch()
    database = Database(f"sqlite:///{path}")
    with database.transaction() as db:
        db.execute(text("CREATE TABLE a (b INTEGER)"))
        files = list(tmp_path.iterdir())
        found = {mode(one) for one in files}
    database.close()

    assert len(files) > 1
    assert found == {0o600}


def test_database_in_a_folder_that_is_not_there_is_still_no_database(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'away' / 'rollcall.sqlite3'}")
    database.close()

    assert not (tmp_path / "away").exists()
