"""A technician's commands against a real server."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests

from provisioning.cli import main
from scripts.demo.school import AdminClient
from tests.support.ports import free_port
from tests.support.processes import BIN, running

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class School:
    url: str
    password_file: Path
    admin: AdminClient


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    folder, port = tmp_path_factory.mktemp("school"), free_port()
    url = f"http://127.0.0.1:{port}"
    with running(
        [str(BIN / "rollcall-server"), "serve"],
        log_path=folder / "server.log",
        ready=lambda: _is_up(url),
        env={
            "ROLLCALL_SERVER_DATA_DIR": str(folder / "data"),
            "ROLLCALL_SERVER_PORT": str(port),
            "ROLLCALL_SERVER_BROKER_PORT": str(free_port()),
        },
    ):
        password_file = folder / "data" / "admin-password.txt"
        admin = AdminClient(url)
        admin.sign_in("admin", password_file.read_text().strip())
        admin.post("/rooms", {"name": "R12"})
        admin.post("/rooms", {"name": "R14"})
        yield School(url, password_file, admin)


def _is_up(url: str) -> bool:
    try:
        return requests.get(f"{url}/health", timeout=2).ok
    except requests.ConnectionError:
        return False


def claim(school: School, *more: str, name: str = "Door", room: str = "R12") -> int:
    signed_in = ["--username", "admin", "--password-file", str(school.password_file)]
    where = ["--server", school.url, "--name", name, "--room", room]
    return main(["claim", *signed_in, *where, *more])


def test_one_command_makes_the_kiosk_and_writes_its_settings(
    school: School, tmp_path: Path
) -> None:
    path = tmp_path / "kiosk.toml"
    assert claim(school, "--write", "--camera", "0", "--file", str(path), name="First") == 0
    settings = tomllib.loads(path.read_text())
    assert settings["server_url"] == school.url
    assert len(settings["claim_code"]) == 8
    assert "First" in {kiosk["name"] for kiosk in school.admin.get("/kiosks")}


def test_asked_again_it_gives_a_new_code_to_the_same_kiosk(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    claim(school, name="Second")
    claim(school, name="Second")
    first, second = capsys.readouterr().out.splitlines()
    assert first != second
    assert [kiosk["name"] for kiosk in school.admin.get("/kiosks")].count("Second") == 1


def test_an_unknown_room_is_answered_with_the_rooms_there_are(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    assert claim(school, room="R99") == 1
    assert "no room 'R99' on the server; it has: R12, R14" in capsys.readouterr().err


def test_a_kiosk_is_not_moved_to_another_room_by_accident(
    school: School, capsys: pytest.CaptureFixture[str]
) -> None:
    claim(school, name="Third")
    assert claim(school, name="Third", room="R14") == 1
    assert "belongs to room 'R12'" in capsys.readouterr().err


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
    assert claim(away) == 1
    error = capsys.readouterr().err
    assert "does not answer" in error
    assert error.count("\n") == 1
