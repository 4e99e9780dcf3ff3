"""Wireless networks by nmcli: what it prints is replayed by a stand-in on PATH."""

import logging
import os
import queue
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.app.technician import TechnicianDesk, TechnicianOutput
from kiosk.app.wifi import _fields, join, networks_in_reach
from kiosk.doctor import HostMachine
from kiosk.domain.wifi import WifiNetwork, WifiOutcome, WifiSecurity

PASSWORD = "correct horse"
LIST = r"""*:82:WPA2:School
 :74:WPA1 WPA2:School devices
 :71:WPA2 802.1X:eduroam
 :55:WPA2:School
 :40::Library\: ground floor
 :38:WPA3:back\\slash
 :35:WPA2:
 :33:WEP:old
 :21:WPA2:--help
nonsense
"""
#: Sentences of nmcli 1.42.
ENDS = {
    "(7) Secrets were required, but not provided.": WifiOutcome.WRONG_PASSWORD,
    "802-11-wireless-security.psk: property is invalid": WifiOutcome.WRONG_PASSWORD,
    "No network with SSID 'School' found.": WifiOutcome.GONE,
    "Not authorized to control networking.": WifiOutcome.NOT_ALLOWED,
    "NetworkManager is not running.": WifiOutcome.NO_MANAGER,
    "Timeout expired (45 seconds)": WifiOutcome.FAILED,
}


@pytest.fixture
def nmcli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in that notes its words and its input, and answers from files."""
    folder = tmp_path / "nmcli-said"
    folder.mkdir()
    (folder / "status").write_text("0")
    program = tmp_path / "bin" / "nmcli"
    program.parent.mkdir()
    program.write_text(
        f"#!/bin/bash\ncd {folder}\nprintf '%s\\n' \"$@\" >words\ncat >told\n"
        "cat out 2>/dev/null\ncat errors >&2 2>/dev/null\nexit $(cat status)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return folder


def test_networks_are_read_once_each_the_strongest_first(nmcli: Path) -> None:
    (nmcli / "out").write_text(LIST)
    assert networks_in_reach(HostMachine()) == [
        WifiNetwork("School", 82, WifiSecurity.PASSWORD, is_current=True),
        WifiNetwork("School devices", 74, WifiSecurity.PASSWORD),
        WifiNetwork("eduroam", 71, WifiSecurity.OTHER),
        WifiNetwork("Library: ground floor", 40, WifiSecurity.OPEN),
        WifiNetwork("back\\slash", 38, WifiSecurity.PASSWORD),
        WifiNetwork("old", 33, WifiSecurity.OTHER),
        WifiNetwork("--help", 21, WifiSecurity.OTHER),
    ]


@given(st.lists(st.text(st.characters(exclude_characters="\r\n")), min_size=1, max_size=5))
def test_every_field_survives_the_terse_form(fields: list[str]) -> None:
    line = ":".join(one.replace("\\", "\\\\").replace(":", "\\:") for one in fields)
    assert _fields(line) == fields


def test_a_password_is_told_by_a_pipe_and_never_in_the_command(nmcli: Path) -> None:
    assert join(HostMachine(), "School devices", PASSWORD) is WifiOutcome.JOINED

    assert (nmcli / "told").read_text() == f"{PASSWORD}\n"
    words = (nmcli / "words").read_text().splitlines()
    assert words == ["--ask", "--wait", "45", "device", "wifi", "connect", "School devices"]


def test_an_open_network_is_joined_without_a_question(nmcli: Path) -> None:
    assert join(HostMachine(), "Library", "") is WifiOutcome.JOINED
    assert "--ask" not in (nmcli / "words").read_text()


@pytest.mark.parametrize(("said", "outcome"), ENDS.items())
def test_each_end_has_its_sentence(nmcli: Path, said: str, outcome: WifiOutcome) -> None:
    (nmcli / "status").write_text("4")
    (nmcli / "errors").write_text(f"Error: {said}")
    assert join(HostMachine(), "School", PASSWORD) is outcome
    assert networks_in_reach(HostMachine()) is outcome


def test_without_nmcli_there_is_no_manager(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert networks_in_reach(HostMachine()) is WifiOutcome.NO_MANAGER
    assert join(HostMachine(), "School", PASSWORD) is WifiOutcome.NO_MANAGER


def test_the_desk_answers_from_its_own_thread_and_logs_no_name(
    nmcli: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown: queue.Queue[object] = queue.Queue()
    desk = TechnicianDesk(list)
    desk.show_on(TechnicianOutput(shown.put, shown.put, shown.put, shown.put, shown.put))
    (nmcli / "out").write_text(LIST)

    desk.callbacks().find_wifi()
    assert len(shown.get(timeout=30)) == 7  # type: ignore[arg-type]
    desk.callbacks().join_wifi("School devices", PASSWORD)
    assert shown.get(timeout=30) is WifiOutcome.JOINED
    assert PASSWORD not in caplog.text
    assert "School" not in caplog.text
