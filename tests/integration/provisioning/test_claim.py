"""A technician's commands against a real server."""

import tomllib
from pathlib import Path

import pyotp
import pytest

from provisioning.cli import main
from tests.integration.provisioning.conftest import PASSWORD, Device, School
from tests.support.ports import free_port

pytestmark = pytest.mark.integration


def test_one_command_makes_the_kiosk_and_writes_its_settings(
    school: School, tmp_path: Path
) -> None:
    path = tmp_path / "kiosk.toml"
    assert school.claim("--write", "--camera", "0", "--file", str(path), name="First") == 0
    settings = tomllib.loads(path.read_text())
    assert settings["server_url"] == school.url
    assert len(settings["claim_code"]) == 8
    assert "First" in {kiosk["name"] for kiosk in school.admin.get("/kiosks")}


def test_asked_again_it_gives_a_new_code_to_the_same_kiosk(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    school.claim(name="Second")
    school.claim(name="Second")
    first, second = capsys.readouterr().out.splitlines()
    assert first != second
    assert [kiosk["name"] for kiosk in school.admin.get("/kiosks")].count("Second") == 1


def test_an_unknown_room_is_answered_with_the_rooms_there_are(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    assert school.claim(room="R99") == 1
    assert "no room 'R99' on the server; it has: R12, R14" in capsys.readouterr().err


def test_a_kiosk_is_not_moved_to_another_room_by_accident(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    school.claim(name="Third")
    assert school.claim(name="Third", room="R14") == 1
    error = capsys.readouterr().err
    assert "belongs to room 'R12'" in error
    assert "use `rollcall-provision move`" in error
    assert error.count("\n") == 1


def test_a_wrong_password_is_said_in_the_servers_words(
    school: School, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("not this one")
    arguments = ["--username", "nobody", "--password-file", str(wrong), "--server", school.url]
    assert main(["claim", *arguments, "--name", "Door", "--room", "R12"]) == 1
    assert "The name or the password is not right" in capsys.readouterr().err


def test_a_server_that_is_not_there_is_one_plain_sentence(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    away = School(f"http://127.0.0.1:{free_port()}", school.password_file, school.admin)
    assert away.claim() == 1
    error = capsys.readouterr().err
    assert "does not answer" in error
    assert error.count("\n") == 1


def test_a_revoked_kiosk_gets_a_new_code_and_is_claimed_with_the_key_it_had(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    device = Device(school.url)
    school.claim(name="Fourth")
    first = device.claim(_code(capsys))
    school.admin.post(f"/kiosks/{first.kiosk_id}/revoke", {})
    assert school.kiosk("Fourth")["state"] == "revoked"

    assert school.claim(name="Fourth") == 0
    again = device.claim(_code(capsys))

    assert again.kiosk_id == first.kiosk_id
    assert again.device_token != first.device_token
    kiosk = school.kiosk("Fourth")
    assert kiosk["state"] == "claimed"
    assert kiosk["revoked_at"] is None


def test_a_revoked_kiosk_is_not_claimed_into_another_room(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    school.claim(name="Fifth")
    school.admin.post(f"/kiosks/{school.kiosk('Fifth')['id']}/revoke", {})
    assert school.claim(name="Fifth", room="R14") == 1
    error = capsys.readouterr().err
    assert "belongs to room 'R12'" in error
    assert "use `rollcall-provision move`" in error


def test_a_claimed_kiosk_gets_a_new_code(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    device = Device(school.url)
    school.claim(name="Sixth")
    first = device.claim(_code(capsys))
    assert school.claim(name="Sixth") == 0
    assert device.claim(_code(capsys)).kiosk_id == first.kiosk_id


def _code(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().out.strip().removeprefix("claim code: ")


def test_technician_with_two_steps_types_a_code(
    school: School, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The admin's second step is taken off again, as the other tests share this school."""
    started = school.admin.post("/sign-in/second-factor", {"password": PASSWORD})
    confirmed = school.admin.post(
        "/sign-in/second-factor/confirm", {"code": pyotp.TOTP(started["secret"]).now()}
    )
    codes = confirmed["recovery_codes"]
    typed = iter([codes[0], "wrong"])
    monkeypatch.setattr("builtins.input", lambda _question: next(typed))

    assert school.claim(name="Second step") == 0
    assert "claim code: " in capsys.readouterr().out
    assert school.claim(name="Second step") == 1
    assert "The code is not right." in capsys.readouterr().err
    school.admin.post("/sign-in/second-factor/remove", {"code": codes[1]})
    assert school.claim(name="Second step") == 0
