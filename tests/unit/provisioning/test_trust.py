"""The technician's password goes to a server that is known, and nowhere else."""

import getpass
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from protocol.v1.trust import ca_fingerprint, six_words
from provisioning.cli import _parser, main
from provisioning.commands.configure import given_settings, write_settings
from tests.support.authorities import Authority, Leaf
from tests.support.tls_recorder import Recorded, recording
from tests.unit.protocol.v1.test_tls import http, offer

SCHOOL, ATTACKER = Authority("School"), Authority("Another")
FINGERPRINT = ca_fingerprint(SCHOOL.pem)
PASSWORD = "a-password-of-the-technician"


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getpass, "getpass", lambda _prompt: PASSWORD)


@contextmanager
def attacker(folder: Path, leaf: Leaf, offered: str) -> Iterator[Recorded]:
    with recording(leaf, folder, offer(offered)) as heard:
        yield heard


def answer(monkeypatch: pytest.MonkeyPatch, said: str) -> list[str]:
    asked: list[str] = []

    def prompt(question: str) -> str:
        asked.append(question)
        return said

    monkeypatch.setattr("builtins.input", prompt)
    return asked


def move(url: str, *more: str) -> int:
    where = ["--server", url, "--username", "tina", "--name", "Door", "--room", "R14"]
    return main(["move", *where, *more])


@pytest.mark.parametrize("offered", [SCHOOL.pem, SCHOOL.pem + ATTACKER.pem, ATTACKER.pem])
def test_a_fingerprint_keeps_the_password_from_an_attacker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], offered: str
) -> None:
    with attacker(tmp_path, ATTACKER.leaf(), offered) as heard:
        assert move(heard.url, "--fingerprint", FINGERPRINT.upper()) == 1

    assert "cannot be trusted" in capsys.readouterr().err
    assert PASSWORD.encode() not in heard.plain
    assert b"POST" not in heard.plain


def test_a_file_of_the_authority_keeps_the_password_from_an_attacker(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "ca.pem").write_text(SCHOOL.pem)
    with attacker(tmp_path, ATTACKER.leaf(), SCHOOL.pem) as heard:
        assert move(heard.url, "--server-ca", str(tmp_path / "ca.pem")) == 1

    assert "comes from an unknown authority. Nothing secret was sent" in capsys.readouterr().err
    assert heard.plain == b""


@pytest.mark.parametrize("said", ["no", "", "maybe"])
def test_other_words_keep_the_password_here(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    said: str,
) -> None:
    asked = answer(monkeypatch, said)
    with attacker(tmp_path, ATTACKER.leaf(), ATTACKER.pem) as heard:
        assert move(heard.url) == 1

    assert " ".join(six_words(ca_fingerprint(ATTACKER.pem))) in asked[0]
    assert "not the same words" in capsys.readouterr().err
    assert b"POST" not in heard.plain


def test_the_same_words_let_the_password_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(monkeypatch, "yes")
    refusal = http(b'{"error": "no"}', "403 Forbidden")
    with recording(SCHOOL.leaf(), tmp_path, offer(SCHOOL.pem), refusal=refusal) as heard:
        assert move(heard.url) == 1

    assert heard.plain.count(b"POST /api/v1/sign-in") == 1


@pytest.mark.parametrize("command", ["move", "configure"])
def test_a_plain_server_on_another_machine_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    server = "http://rollcall.school.example"
    if command == "move":
        assert move(server) == 1
    else:
        assert main(["configure", "--server", server, "--file", str(tmp_path / "k.toml")]) == 1

    expected = f"{server} is not encrypted: use its https address, or --allow-plain"
    assert capsys.readouterr().err == f"rollcall-provision: {expected}\n"
    assert not list(tmp_path.iterdir())


def test_configure_writes_what_the_kiosk_needs_to_know_its_server(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    common = ["--file", str(path)]
    first = ["configure", "--server", "https://a.example", "--fingerprint", FINGERPRINT.upper()]
    assert main([*first, *common]) == 0
    written = tomllib.loads(path.read_text())
    assert main(["configure", "--server", "https://a.example", "--camera", "1", *common]) == 0
    kept = tomllib.loads(path.read_text())
    assert main(["configure", "--server", "https://b.example", *common]) == 0
    moved = tomllib.loads(path.read_text())

    assert written["server_ca_fingerprint"] == kept["server_ca_fingerprint"] == FINGERPRINT
    assert "server_ca_fingerprint" not in moved


@pytest.mark.parametrize("given", [[], ["--fingerprint", FINGERPRINT]])
@pytest.mark.parametrize(
    ("server", "is_public", "stays"),
    [
        ("https://a.example", False, True),
        ("https://a.example", True, False),
        ("https://b.example", False, False),
    ],
    ids=["same", "public now", "another"],
)
def test_no_authority_of_another_server_stays_in_the_file(
    tmp_path: Path, server: str, is_public: bool, stays: bool, given: list[str]
) -> None:
    path = tmp_path / "kiosk.toml"
    (tmp_path / "ca.pem").write_text(SCHOOL.pem)
    old = ["--server-ca", str(tmp_path / "ca.pem"), "--fingerprint", "cd" * 32]
    assert main(["configure", "--server", "https://a.example", *old, "--file", str(path)]) == 0
    options = _parser().parse_args(["configure", "--server", server, *given, "--file", str(path)])
    write_settings(options, given_settings(options), is_public=is_public)
    written = tomllib.loads(path.read_text())

    kept = "cd" * 32 if stays else None
    assert written.get("server_ca_fingerprint") == (FINGERPRINT if given else kept)
    assert ("server_ca" in written) is stays


@pytest.mark.parametrize("more", [[], ["--allow-plain"]])
def test_a_fingerprint_forbids_a_plain_link(
    capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    assert move("http://rollcall.school.example", "--fingerprint", FINGERPRINT, *more) == 1
    assert "is not encrypted" in capsys.readouterr().err


def test_allowing_a_plain_server_is_written_for_the_kiosk_too(tmp_path: Path) -> None:
    path = tmp_path / "kiosk.toml"
    options = ["--server", "http://a.example", "--allow-plain", "--file", str(path)]
    assert main(["configure", *options]) == 0

    assert tomllib.loads(path.read_text())["allow_plain"] is True


def test_a_fingerprint_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--server", "https://a.example", "--fingerprint", "12ab"]
    assert main(["configure", *options, "--file", str(tmp_path / "kiosk.toml")]) == 1

    assert "server_ca_fingerprint" in capsys.readouterr().err
