import os
from pathlib import Path

import pytest

from kiosk.config import (
    ENV_PREFIX,
    Settings,
    UnusableSettingsError,
    describe_settings,
    load_settings,
)


def test_environment_wins_over_the_file_and_the_file_over_the_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text('camera = "1"\nmax_fps = 5\n')
    monkeypatch.setenv("ROLLCALL_KIOSK_MAX_FPS", "7")
    monkeypatch.setenv("ROLLCALL_KIOSK_CONFIG", str(path))

    settings = load_settings()

    assert (settings.camera, settings.max_fps, settings.height_px) == ("1", 7.0, 480)


def test_arguments_win_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KIOSK_CAMERA", "1")

    assert load_settings(camera="2").camera == "2"


def test_every_setting_has_a_description() -> None:
    described = describe_settings()

    assert len(described) == len(Settings.model_fields)
    assert all(description.endswith(".") for _, _, description in described)
    own = [name for name, _, _ in described if name.startswith(ENV_PREFIX)]
    assert len(own) == len(described) - 2


def test_wrong_value_is_named_but_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_KIOSK_MAX_FPS", "secret")

    with pytest.raises(UnusableSettingsError, match="max_fps") as unusable:
        load_settings()

    assert "secret" not in str(unusable.value)


def test_unknown_setting_in_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text("kamera = 1\n")
    monkeypatch.setenv("ROLLCALL_KIOSK_CONFIG", str(path))

    with pytest.raises(UnusableSettingsError, match="kamera"):
        load_settings()


@pytest.mark.parametrize("content", [None, "camera = ["])
def test_file_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None
) -> None:
    path = tmp_path / "kiosk.toml"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("ROLLCALL_KIOSK_CONFIG", str(path))

    with pytest.raises(UnusableSettingsError, match=r"kiosk\.toml"):
        load_settings()


def test_claim_code_does_not_show_when_settings_are_printed() -> None:
    settings = load_settings(claim_code="ABCD2345")

    assert "ABCD2345" not in repr(settings)


def test_systemds_variables_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", "/run/notify")
    monkeypatch.setenv("WATCHDOG_USEC", "10000000")

    settings = load_settings()

    assert (settings.notify_socket, settings.watchdog_usec) == ("/run/notify", 10_000_000)


@pytest.mark.parametrize("value", ["0", "90", "180", "270"])
def test_rotation_is_understood_from_environment_and_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text(f"camera_rotation = {value}\ncamera_mirror = true\n")

    from_file = load_settings(path)
    monkeypatch.setenv("ROLLCALL_KIOSK_CAMERA_ROTATION", value)
    from_environment = load_settings()

    assert from_file.camera_rotation == from_environment.camera_rotation == int(value)
    assert from_file.camera_mirror


@pytest.mark.parametrize("value", ["45", "360", "-90", "left", "", "90.5"])
def test_another_rotation_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("ROLLCALL_KIOSK_CAMERA_ROTATION", value)

    with pytest.raises(UnusableSettingsError, match="camera_rotation"):
        load_settings()


def test_file_that_was_read_sets_nothing_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, named = tmp_path / "given.toml", tmp_path / "named.toml"
    given.write_text("mqtt_port = 9001\n")
    named.write_text("mqtt_port = 9002\n")
    before = dict(os.environ)

    settings = load_settings(given)

    assert settings.mqtt_port == 9001
    assert dict(os.environ) == before
    monkeypatch.setenv("ROLLCALL_KIOSK_CONFIG", str(named))
    assert [load_settings(path).mqtt_port for path in (given, None)] == [9001, 9002]


def test_file_that_could_not_be_read_sets_nothing_for_later(tmp_path: Path) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("mqtt_port = [")

    with pytest.raises(UnusableSettingsError, match="broken"):
        load_settings(broken)

    load_settings()


def test_file_of_an_earlier_version_may_name_a_setting_that_is_gone(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text("http_backlog = 300\nack_deadline_s = 7.0\n")
    assert load_settings(path).ack_deadline_s == 7.0
