"""Every failure of the command line is one plain sentence and exit status 1."""

import argparse
import getpass
import json
import os
import shlex
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from requests.adapters import BaseAdapter

from provisioning.cli import _parser, main
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
    assert main(["claim", *MOVE[1:]]) == 1
    assert asked == [f"Password of tina on {SERVER}: "]


@pytest.mark.parametrize(
    "content", [None, b"\xff\xfe", b" \n"], ids=["missing", "not text", "empty"]
)
def test_an_unreadable_password_file_is_named(
    content: bytes | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "password"
    _write(path, content)
    assert main([*MOVE, "--password-file", str(path)]) == 1
    error = capsys.readouterr().err
    assert str(path) in error
    assert error.startswith(
        ("rollcall-provision: cannot read ", "rollcall-provision: the password")
    )
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


def test_configure_keeps_the_server_that_the_file_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kiosk.toml"
    camera = ["configure", "--file", str(path), "--camera", "1"]
    assert main(camera) == 1
    assert capsys.readouterr().err.endswith("names no server yet; use --server\n")
    path.write_text('server_url = "http://a.example"\nallow_plain = true\n')
    assert main(camera) == 0
    assert tomllib.loads(path.read_text()) == {
        "server_url": "http://a.example",
        "allow_plain": True,
        "camera": "1",
    }


def test_configure_refuses_another_rotation(tmp_path: Path) -> None:
    options = ["--file", str(tmp_path / "kiosk.toml"), "--camera-rotation", "45"]
    with pytest.raises(SystemExit):
        main(["configure", "--server", SERVER, *options])
    assert not list(tmp_path.iterdir())


CLAIM = ["claim", *MOVE[1:], "--write"]


@pytest.mark.parametrize(
    "command", [MOVE, CLAIM, ["configure", "--server", SERVER]], ids=["move", "claim", "configure"]
)
def test_a_dry_run_asks_nothing_and_leaves_no_trace(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(getpass, "getpass", _raise(AssertionError("asked for a password")))
    monkeypatch.setattr("builtins.input", _raise(AssertionError("asked a question")))
    file = [] if command is MOVE else ["--file", str(tmp_path / "etc" / "kiosk.toml")]
    assert main([*command, *file, "--dry-run"]) == 0
    assert "would " in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_the_change_without_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kiosk.toml"
    old = (
        '# claim_code = "0D0D0D0D"\ntheme = "dark"  # the window\nclaim_code = """\n7KQ2M9TX"""\n'
        'http_proxy = "http://tina:proxyword@proxy.example:3128"\n'
    )
    path.write_text(old)
    configure = ["configure", "--server", SERVER, "--file", str(path), "--dry-run"]
    assert main([*configure, "--claim-code", "9a9a-9a9a", "--camera", "1"]) == 0
    shown = capsys.readouterr().out
    assert main([*configure, "--claim-code", "9a9a-9a9a", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)

    for secret in ("0D0D0D0D", "7KQ2M9TX", "9A9A9A9A", "proxyword"):
        assert secret not in shown
        assert secret not in str(facts)
    assert '-claim_code = "(hidden)"' in shown
    assert '+claim_code = "(hidden, new)"' in shown
    assert f'+server_url = "{SERVER}"' in shown
    assert '+camera = "1"' in shown
    assert (facts["ok"], facts["changed"], facts["dry_run"]) == (True, True, True)
    assert path.read_text() == old


@pytest.mark.parametrize("code", ["7KQ2M9T", "7KQ2M9TXX", "7KQ2M9TU", "7KQ2M9Té", ""])
def test_a_wrong_claim_code_is_one_plain_sentence(
    code: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kiosk.toml"
    configure = ["configure", "--server", SERVER, "--file", str(path), "--claim-code", code]
    assert main([*configure, "--json"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith("rollcall-provision: a claim code has ")
    assert said.err.count("\n") == 1
    assert json.loads(said.out) == {"ok": False, "error": said.err[20:-1]}
    assert not path.exists()


def test_a_claim_code_may_be_typed_as_people_do(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    typed = ["--claim-code", "7kq2 m9-to"]
    assert main(["configure", "--server", SERVER, "--file", str(path), *typed]) == 0
    assert tomllib.loads(path.read_text())["claim_code"] == "7KQ2M9T0"


def test_a_device_is_refused_before_a_password_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(getpass, "getpass", _raise(AssertionError("asked for a password")))
    assert main([*CLAIM, "--file", "/dev/null"]) == 1
    expected = "rollcall-provision: /dev/null is not a regular file, nothing was written\n"
    assert capsys.readouterr().err == expected


@pytest.mark.parametrize("is_owned", [True, False], ids=["closed folder", "foreign file"])
def test_a_file_that_cannot_be_written_costs_no_claim_code(
    is_owned: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "kiosk.toml"
    path.write_text("")
    monkeypatch.setattr(getpass, "getpass", _raise(AssertionError("asked for a password")))
    monkeypatch.setattr(os, "access", lambda *_, **__: not is_owned)
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() if is_owned else os.getuid() + 1)
    assert main([*CLAIM, "--file", str(path)]) == 1
    assert f"this account may not write {path}; run this with sudo" in capsys.readouterr().err


def _commands(parser: argparse.ArgumentParser, words: str = "") -> Iterator[tuple[str, str]]:
    """Every command with its help."""
    found = [one for one in parser._actions if isinstance(one, argparse._SubParsersAction)]
    for name, command in found[0].choices.items() if found else ():
        yield f"{words}{name}", command.format_help()
        yield from _commands(command, f"{words}{name} ")


@pytest.mark.parametrize(("name", "text"), list(_commands(_parser())))
def test_every_help_has_an_example_that_parses_and_exit_statuses(name: str, text: str) -> None:
    example = text.rpartition("Example: ")[2].strip()
    assert "exit status:" in text
    assert shlex.split(example)[0] == "rollcall-provision"
    assert example.startswith(f"rollcall-provision {name}")
    assert _parser().parse_args(shlex.split(example)[1:]).run
