"""`rollcall-provision commission` against the socket of a kiosk's process."""

import json
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from kiosk.app import commissioning_socket
from kiosk.app.commissioning_socket import CommissioningSocket
from kiosk.doctor.findings import warn
from protocol.v1.commissioning import verify_commissioning
from provisioning.cli import main
from provisioning.commissioning import running_kiosk
from tests.unit.kiosk.app.test_commissioning import KEY, CommissionBench
from tests.unit.protocol.v1.test_commissioning import received

SKIPS = ["--skip", "print_attack=not_at_hand", "--skip", "screen_attack=later"]


class CommissionedKiosk:
    """A kiosk's side of the socket, and the settings that lead there."""

    def __init__(self, folder: Path) -> None:
        self.bench = CommissionBench(folder / "commissioning")
        self.opened: list[bool] = []
        self.path = folder / commissioning_socket.SOCKET_NAME
        self.server = CommissioningSocket(
            self.path, self.bench.desk, lambda: self.opened.append(True)
        )
        self.settings = folder / "kiosk.toml"
        self.settings.write_text(f'data_dir = "{folder}"\n', encoding="utf-8")

    def command(self, *options: str) -> int:
        return main(["commission", "--file", str(self.settings), *options])


@pytest.fixture
def kiosk(tmp_path: Path) -> Iterator[CommissionedKiosk]:
    built = CommissionedKiosk(tmp_path)
    built.server.start()
    yield built
    built.server.stop()


def test_one_address_on_both_sides() -> None:
    assert running_kiosk.SOCKET_NAME == commissioning_socket.SOCKET_NAME


def test_report_is_signed_and_told_as_json(
    kiosk: CommissionedKiosk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert kiosk.command("--json", *SKIPS) == 0
    told = json.loads(capsys.readouterr().out)
    (report,) = kiosk.bench.sent
    verify_commissioning(received(report), KEY.public_key())
    assert (told["ok"], told["report"], told["delivery"]) == (True, report.id, "delivered")
    reasons = {one["name"]: one["reason"] for one in told["steps"] if one["reason"]}
    assert reasons == {"print_attack": "not_at_hand", "screen_attack": "later"}
    assert kiosk.opened == [True]


def test_failed_step_is_told_with_its_fix_and_a_status(
    kiosk: CommissionedKiosk, capsys: pytest.CaptureFixture[str]
) -> None:
    kiosk.bench.found["light"] = warn("light", "light.dark")
    assert kiosk.command(*SKIPS) == 4
    out = capsys.readouterr().out
    assert "fix: Turn a light on that shines" in out
    assert "7 passed, 1 failed, 2 skipped" in out
    assert out.endswith("The server has the report: it is on the kiosk's page.\n")


def test_dry_run_names_what_is_left_and_changes_nothing(
    kiosk: CommissionedKiosk, capsys: pytest.CaptureFixture[str]
) -> None:
    kiosk.bench.desk.begin()
    kiosk.bench.desk.skip("later")
    assert kiosk.command("--dry-run", *SKIPS) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "would test  focus"
    assert "would skip  print_attack (not_at_hand)" in lines
    assert (len(lines), kiosk.opened, kiosk.bench.sent) == (9, [], [])


def test_technician_is_guided_at_a_terminal(
    kiosk: CommissionedKiosk, monkeypatch: pytest.MonkeyPatch
) -> None:
    kiosk.bench.found["light"] = warn("light", "light.dark")
    answers = ["", "t", "", "", "s", "0", "2", *[""] * 20]
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return answers.pop(0)

    monkeypatch.setattr("builtins.input", answer)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    assert kiosk.command("--skip", "print_attack=later", "--skip", "screen_attack=later") == 4
    (report,) = kiosk.bench.sent
    assert {one.name: one.reason for one in report.steps}["focus"] == "later"
    assert asked[:2] == ["Enter: test, s: skip: ", "Enter: next step, t: test again: "]


@pytest.mark.parametrize("skip", ["light", "light=Ada", "nothing=later", "light=detection_off"])
def test_only_chosen_reasons_are_taken(kiosk: CommissionedKiosk, skip: str) -> None:
    with pytest.raises(SystemExit) as refused:
        kiosk.command("--skip", skip)
    assert refused.value.code == 2


def test_kiosk_that_does_not_run_is_one_plain_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert CommissionedKiosk(tmp_path).command("--json") == 1
    assert "The kiosk does not run here." in capsys.readouterr().err
    assert main(["commission", "--file", str(tmp_path / "none.toml"), "--dry-run"]) == 1


def test_unclaimed_kiosk_is_one_plain_sentence(
    kiosk: CommissionedKiosk, capsys: pytest.CaptureFixture[str]
) -> None:
    kiosk.bench.desk._subject = None
    assert kiosk.command() == 1
    assert "Claim this kiosk first" in capsys.readouterr().err


@pytest.mark.parametrize("line", [b"\n", b"[]\n", b"{\n", b"[" * 4000 + b"\n", b"x" * 9000])
def test_rubbish_ends_the_connection_alone(kiosk: CommissionedKiosk, line: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stranger:
        stranger.connect(str(kiosk.path))
        stranger.sendall(line)
        with suppress(ConnectionResetError):
            assert not stranger.recv(1)
    assert kiosk.command("--dry-run") == 0


def test_socket_is_private_and_goes_with_the_kiosk(kiosk: CommissionedKiosk) -> None:
    assert stat.S_IMODE(kiosk.path.stat().st_mode) == 0o600
    assert kiosk.server.answer({"do": "wipe"}) == {"error": "unknown request"}
    kiosk.server.stop()
    assert not kiosk.path.exists()
