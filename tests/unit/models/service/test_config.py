import os
import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from models.service.config import ServiceSettingsError, Settings, describe_settings, load_settings
from models.service.main import main


def test_no_key_no_service(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2

    words = capsys.readouterr().err
    assert words.count("\n") == 1
    assert "ROLLCALL_ML_API_KEY is not set" in words


def test_a_short_key_is_refused_and_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_ML_API_KEY", "s3cr3t")

    assert main([]) == 2

    words = capsys.readouterr().err
    assert "ROLLCALL_ML_API_KEY" in words
    assert "s3cr3t" not in words


def test_several_keys_are_one_setting() -> None:
    settings = load_settings(api_key="the-old-one, the-new-one", match_keys="the-new-one,third-key")

    found = [(key.name, key.secret, key.may_match) for key in settings.callers]
    assert found == [
        ("key-1", b"the-old-one", False),
        ("key-2", b"the-new-one", True),
        ("match-2", b"third-key", True),
    ]
    assert "the-old-one" not in repr(settings.callers)


@pytest.mark.parametrize("keys", ["the-old-one,", "the-old-one,s3cr3t", ",,,,,,,,,,"])
def test_a_short_key_among_several_is_refused_and_not_shown(
    keys: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_ML_API_KEY", keys)

    assert main([]) == 2

    words = capsys.readouterr().err
    assert "each key needs at least 8 characters" in words
    assert "s3cr3t" not in words
    assert "the-old-one" not in words


def test_environment_wins_over_file_and_file_over_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ml.toml"
    path.write_text('api_key = "from-the-file"\nport = 9001\nworkers = 3\n')
    monkeypatch.setenv("ROLLCALL_ML_CONFIG", str(path))
    monkeypatch.setenv("ROLLCALL_ML_PORT", "9002")

    settings = load_settings()

    assert (settings.port, settings.workers, settings.host) == (9002, 3, "127.0.0.1")
    assert settings.api_key.get_secret_value() == "from-the-file"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("api_key = ", "not TOML"),
        ('api_key = "long-enough"\nprot = 1', "PROT"),
        ("port = 1", "KEY"),
    ],
)
def test_a_wrong_file_is_named_in_one_sentence(
    content: str,
    words: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "ml.toml"
    path.write_text(content)
    monkeypatch.setenv("ROLLCALL_ML_CONFIG", str(path))

    assert main([]) == 2
    assert words in capsys.readouterr().err


def test_a_missing_file_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_ML_CONFIG", "/nowhere/ml.toml")

    with pytest.raises(ServiceSettingsError, match="does not exist"):
        load_settings()


def test_a_missing_model_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_ML_API_KEY", "long-enough")
    monkeypatch.setenv("ROLLCALL_ML_DETECTOR", "no-such-model")
    monkeypatch.setenv("ROLLCALL_ML_PORT", "0")

    assert main([]) == 1
    assert "no-such-model" in capsys.readouterr().err


def test_help_lists_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])

    shown = capsys.readouterr().out
    assert caught.value.code == 0
    assert len(describe_settings()) == len(Settings.model_fields)
    assert [name for name, _, words in describe_settings() if name not in shown or not words] == []


def test_a_taken_port_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("ROLLCALL_ML_API_KEY", "long-enough")
        monkeypatch.setenv("ROLLCALL_ML_PORT", str(port))

        assert main([]) == 1

    assert f"cannot listen on 127.0.0.1:{port}" in capsys.readouterr().err


def test_file_that_was_read_sets_nothing_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, named = tmp_path / "given.toml", tmp_path / "named.toml"
    given.write_text('api_key = "from-the-file"\nport = 9001\n')
    named.write_text('api_key = "from-the-file"\nport = 9002\n')
    before = dict(os.environ)

    settings = load_settings(given)

    assert settings.port == 9001
    assert dict(os.environ) == before
    monkeypatch.setenv("ROLLCALL_ML_CONFIG", str(named))
    assert [load_settings(path).port for path in (given, None)] == [9001, 9002]


def test_file_that_could_not_be_read_sets_nothing_for_later(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("port = [")

    with pytest.raises(ServiceSettingsError, match="broken"):
        load_settings(broken)

    load_settings(api_key="given-directly")


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.7", "ml.school.example", "::"])
def test_plain_http_on_a_network_is_refused_unless_a_setting_allows_it(host: str) -> None:
    with pytest.raises(ValidationError, match="can be read on the network"):
        load_settings(api_key="a key for tests", host=host)
    assert load_settings(api_key="a key for tests", host=host, allow_plain=True).host == host
    file = Path("certificate.pem")
    assert load_settings(api_key="a key for tests", host=host, tls_certificate=file).host == host


@pytest.mark.parametrize("name", ["tls_key", "tls_client_ca"])
def test_half_of_the_tls_settings_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"ROLLCALL_ML_{name.upper()}", "file.pem")
    with pytest.raises(ValidationError, match="need a tls_certificate"):
        load_settings(api_key="a key for tests")
