"""Settings: ranks of the sources, the plan's own names, and one list for help and docs."""

import os
from pathlib import Path

import pytest
from pydantic import ValidationError

from server.config import Settings, describe_settings, load_settings
from server.errors import ConfigurationError
from server.main import main


def test_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "rollcall.toml"
    file.write_text('port = 9001\nhost = "0.0.0.0"\nml_service_timeout = 5\n')
    monkeypatch.setenv("ROLLCALL_SERVER_CONFIG", str(file))
    monkeypatch.setenv("ROLLCALL_SERVER_PORT", "9002")
    settings = load_settings()
    assert (settings.port, settings.host, settings.school.language) == (9002, "0.0.0.0", "en")
    assert settings.ml_service_timeout == 5


@pytest.mark.parametrize("prefix", ["", "ROLLCALL_SERVER_"])
def test_plans_own_names_are_taken_with_and_without_prefix(
    monkeypatch: pytest.MonkeyPatch, prefix: str
) -> None:
    monkeypatch.setenv(f"{prefix}ML_SERVICE_URL", "http://ml:8001")
    monkeypatch.setenv(f"{prefix}ML_SERVICE_TIMEOUT", "7.5")
    monkeypatch.setenv(f"{prefix}ML_SERVICE_MAX_RETRIES", "1")
    settings = load_settings()
    assert str(settings.ml_service_url) == "http://ml:8001/"
    assert (settings.ml_service_timeout, settings.ml_service_max_retries) == (7.5, 1)


def test_there_is_no_default_secret() -> None:
    secrets = [
        name for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)
    ]
    assert len(secrets) >= 4
    assert [Settings.model_fields[name].default for name in secrets] == [None] * len(secrets)


def test_secrets_do_not_show_when_settings_are_printed() -> None:
    settings = load_settings(database_url="postgresql+psycopg://u:hunter2@db/x")
    assert "hunter2" not in repr(settings)


def test_every_setting_is_described() -> None:
    rows = describe_settings()
    assert all(description for _, _, description in rows)
    names = [name for name, _, _ in rows]
    assert "ML_SERVICE_URL" in names
    assert "ROLLCALL_SERVER_DATA_DIR" in names


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    shown = capsys.readouterr().out
    assert [name for name, _, _ in describe_settings() if name not in shown] == []


@pytest.mark.parametrize(
    "values",
    [
        {"port": "99999"},
        {"timezone": "Mars/Olympus"},
        {"data_dir": "why?"},
        {"locale": "qq"},
        {"locale": "-"},
    ],
)
def test_nonsense_is_refused(values: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        load_settings(None, **values)


def test_missing_file_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_CONFIG", str(tmp_path / "absent.toml"))
    with pytest.raises(ConfigurationError, match="absent"):
        load_settings()


def test_file_that_is_no_toml_ends_the_command_with_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "server.toml"
    file.write_text("port = [")
    monkeypatch.setenv("ROLLCALL_SERVER_CONFIG", str(file))

    assert main(["migrate"]) == 2

    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"{file} is not TOML" in error


def test_bad_setting_ends_the_command_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_PORT", "eight thousand")
    assert main(["serve"]) == 2
    message = capsys.readouterr().err
    assert "port" in message
    assert "eight thousand" not in message


def test_file_that_was_read_sets_nothing_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, named = tmp_path / "given.toml", tmp_path / "named.toml"
    given.write_text("port = 9001\n")
    named.write_text("port = 9002\n")
    before = dict(os.environ)

    settings = load_settings(given)

    assert settings.port == 9001
    assert dict(os.environ) == before
    monkeypatch.setenv("ROLLCALL_SERVER_CONFIG", str(named))
    assert [load_settings(path).port for path in (given, None)] == [9001, 9002]


def test_file_that_could_not_be_read_sets_nothing_for_later(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("port = [")

    with pytest.raises(ConfigurationError, match="broken"):
        load_settings(broken)

    load_settings()
