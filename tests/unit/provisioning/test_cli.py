"""Every failure of the command line is one plain sentence and exit status 1."""

import getpass
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from requests.adapters import BaseAdapter

from provisioning.cli import main
from provisioning.errors import ServerUnreachableError
from provisioning.office import Office

SERVER = "http://127.0.0.1:1"
MOVE = ["move", "--server", SERVER, "--username", "tina", "--name", "Door", "--room", "R14"]


def _raise(error: BaseException) -> Callable[[str], str]:
    def prompt(_: str) -> str:
        raise error

    return prompt


def test_a_missing_password_is_one_plain_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(getpass, "getpass", _raise(EOFError()))
    assert main(MOVE) == 1
    expected = "rollcall-provision: no password was typed; use --password-file\n"
    assert capsys.readouterr().err == expected


def test_the_password_is_asked_for_with_the_name_and_the_server(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def prompt(text: str) -> str:
        asked.append(text)
        return "secret"

    monkeypatch.setattr(getpass, "getpass", prompt)
    assert main(["claim", *MOVE[1:], "--dry-run"]) == 0
    assert asked == [f"Password of tina on {SERVER}: "]


@pytest.mark.parametrize("content", [None, b"\xff\xfe"], ids=["missing", "not text"])
def test_an_unreadable_password_file_is_named(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "password"
    _write(path, content)
    assert main([*MOVE, "--password-file", str(path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"rollcall-provision: cannot read {path}: ")
    assert error.count("\n") == 1


def _write(path: Path, content: bytes | None) -> None:
    if content is not None:
        path.write_bytes(content)


def test_a_missing_certificate_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    named = ["move", "--server", "https://127.0.0.1:1", *MOVE[3:], "--server-ca", "/nowhere/ca.pem"]
    assert main(named) == 1
    expected = "rollcall-provision: cannot read /nowhere/ca.pem: No such file or directory\n"
    assert capsys.readouterr().err == expected


class PageAdapter(BaseAdapter):
    """Answers every request with a page of another product."""

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:  # type: ignore[override]
        answer = requests.Response()
        answer.status_code, answer.request = 200, request
        answer._content = b"<html>Welcome</html>"
        return answer

    def close(self) -> None:
        """Nothing to close."""


def test_another_product_at_the_address_is_one_plain_sentence() -> None:
    http = requests.Session()
    http.mount(SERVER, PageAdapter())
    office = Office(SERVER, http=http)
    with (
        pytest.raises(ServerUnreachableError, match="is not a Rollcall server"),
        office.signed_in("tina", "secret", lambda: ""),
    ):
        pytest.fail("signed in")


def test_configure_writes_how_the_camera_hangs_and_takes_it_back(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    configure = ["configure", "--server", SERVER, "--file", str(path)]

    assert main([*configure, "--camera-rotation", "270", "--camera-mirror"]) == 0
    turned = tomllib.loads(path.read_text())
    assert main(configure) == 0
    kept = tomllib.loads(path.read_text())
    assert main([*configure, "--camera-rotation", "0", "--no-camera-mirror"]) == 0
    back = tomllib.loads(path.read_text())

    assert (turned["camera_rotation"], turned["camera_mirror"]) == (270, True)
    assert kept == turned
    assert (back["camera_rotation"], back["camera_mirror"]) == (0, False)


def test_configure_refuses_another_rotation(tmp_path: Path) -> None:
    options = ["--file", str(tmp_path / "kiosk.toml"), "--camera-rotation", "45"]
    with pytest.raises(SystemExit):
        main(["configure", "--server", SERVER, *options])
    assert not list(tmp_path.iterdir())
