"""The command line: each command does its work on a real data folder."""

import pwd
import shutil
import socket
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from server.app import create_app, open_storage
from server.config import load_settings
from server.db.engine import Database
from server.main import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ROLLCALL_SERVER_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("server.background.Background.tasks", lambda _self: [])
    monkeypatch.setattr("server.main.configure_logging", lambda _level: None)
    return tmp_path / "data"


def test_migrate_makes_the_database(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate"]) == 0
    assert (folder / "rollcall.sqlite3").is_file()
    assert "up to date" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["backup", "rotate-keys", "restore x", "serve", "migrate"])
def test_command_of_another_account_is_refused(
    command: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder.mkdir()
    owner = pwd.getpwuid(folder.stat().st_uid).pw_name
    monkeypatch.setattr("os.geteuid", lambda: folder.stat().st_uid + 1)
    assert main(command.split()) == 1
    assert f"sudo -u {owner} rollcall-server" in capsys.readouterr().err
    assert list(folder.iterdir()) == []


def test_reset_password_prints_one_that_works(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset-password"]) == 0
    password = capsys.readouterr().out.splitlines()[-1].removeprefix("admin password: ")
    headers = {"X-Requested-With": "rollcall"}
    with TestClient(create_app(load_settings()), headers=headers) as client:
        body = {"username": "admin", "password": password}
        assert client.post("/api/v1/sign-in", json=body).status_code == 200


def test_reset_password_of_nobody_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["reset-password", "nobody"]) == 1
    assert "There is no account named nobody." in capsys.readouterr().err


def test_verify_audit_tells_whole_from_broken(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    database, _ = open_storage(load_settings())
    database.close()
    assert main(["verify-audit"]) == 0
    database = Database(load_settings().sqlalchemy_url)
    with database.transaction() as db:
        db.execute(text("DROP TRIGGER audit_entries_no_update"))
        db.execute(text("UPDATE audit_entries SET action = 'account.nothing'"))
    database.close()
    assert main(["verify-audit"]) == 1
    assert "broken at entry 1" in capsys.readouterr().err


def test_config_file_of_the_command_line_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ROLLCALL_SERVER_DATA_DIR")
    monkeypatch.setenv("ROLLCALL_SERVER_CONFIG", "")
    file = tmp_path / "rollcall.toml"
    file.write_text(f'data_dir = "{tmp_path / "elsewhere"}"\n')
    assert main(["migrate", "--config", str(file)]) == 0
    assert (tmp_path / "elsewhere" / "rollcall.sqlite3").is_file()


def test_unknown_command_is_refused() -> None:
    with pytest.raises(SystemExit) as caught:
        main(["frobnicate"])
    assert caught.value.code == 2


def test_taken_port_is_named_before_anything_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as squatter:
        port = squatter.getsockname()[1]
        monkeypatch.setenv("ROLLCALL_SERVER_PORT", str(port))
        assert main(["serve"]) == 1

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"Port {port} on 127.0.0.1 cannot be opened" in error
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ROLLCALL_SERVER_DATA_DIR", "/dev/null/data", "/dev/null"),
        (
            "ROLLCALL_SERVER_DATABASE_URL",
            "postgresql+psycopg://rollcall:hunter2@127.0.0.1:1/rollcall",
            "the database cannot be used",
        ),
    ],
)
def test_what_cannot_be_opened_is_said_in_one_sentence(
    name: str,
    value: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["migrate"]) == 1

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert words in error
    assert "hunter2" not in error


@pytest.mark.parametrize("command", ["serve", "migrate", "reset-password", "verify-audit"])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE alembic_version SET version_num = '9999'", "A newer version of Rollcall has"),
        ("ALTER TABLE enrolments DROP COLUMN advice", "The database lacks enrolments.advice"),
    ],
)
def test_database_of_another_schema_is_one_sentence(
    folder: Path,
    migrated_sqlite: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
    change: str,
    words: str,
) -> None:
    folder.mkdir(mode=0o700)
    shutil.copy(migrated_sqlite, folder / "rollcall.sqlite3")
    with closing(sqlite3.connect(folder / "rollcall.sqlite3")) as db:
        db.execute(change)
        db.commit()
    monkeypatch.setenv("ROLLCALL_SERVER_PORT", "0")

    assert main([command]) == 1

    said = capsys.readouterr()
    assert f"rollcall-server: {words}" in said.err
    assert "Traceback" not in said.err + said.out
