"""`make demo HEADLESS=1`: the whole system, through its own processes, from an empty disk."""

import os
import re
import signal
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil
import pytest

from tests.support.ports import free_port
from tests.support.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
MARK = "ROLLCALL_TEST_MARK"
NO_DISPLAY = {"DISPLAY": "", "WAYLAND_DISPLAY": ""}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    pytest.mark.usefixtures("assets"),
]


def left_behind(mark: str) -> list[str]:
    """Command lines of living processes that inherited this test's mark."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.fixture
def mark() -> Iterator[str]:
    """A value that every process of one demo inherits."""
    value = uuid.uuid4().hex
    yield value
    assert left_behind(value) == []


def demo_command(output: Path, *more: str) -> list[str]:
    ports = [f"--{name}-port={free_port()}" for name in ("server", "ml", "broker")]
    arguments = ["--headless", f"--output={output}", *ports, *more]
    return [sys.executable, "-m", "scripts.demo", *arguments]


@pytest.fixture(scope="module")
def demo_assets(assets: Path, sface_assets: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An asset folder with SFace, so that the demo installs nothing into the machine's own."""
    folder = tmp_path_factory.mktemp("assets")
    (folder / "models").symlink_to(sface_assets / "models")
    (folder / "photos").symlink_to(assets / "photos")
    return folder


def start(command: Sequence[str], mark: str, assets: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **NO_DISPLAY, MARK: mark, "ROLLCALL_ASSETS": str(assets)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, demo_assets: Path) -> tuple[str, Path]:
    """One whole run: what it printed, and the folder it left."""
    output, value = tmp_path_factory.mktemp("demo") / "out", uuid.uuid4().hex
    demo = start(demo_command(output), value, demo_assets)
    printed, _ = demo.communicate(timeout=280)
    assert demo.returncode == 0, printed[-4000:] + (output / "demo.log").read_text()[-8000:]
    assert left_behind(value) == []
    return printed, output


def test_the_right_people_are_present_and_the_stranger_is_not(finished: tuple[str, Path]) -> None:
    printed, output = finished
    assert len(re.findall(r"^S\d{3} .* present ", printed, re.MULTILINE)) == 3
    pictures = {path.name for path in output.glob("*.png")}
    assert {"register.png", "today.png"} < pictures
    assert any("welcome" in name for name in pictures)


def test_it_says_which_network_recognised(finished: tuple[str, Path]) -> None:
    printed, _ = finished
    assert "not checked in this demo" in printed
    assert "Faces were recognised with sface-2021dec, the default network." in printed


def test_it_prints_where_to_go_and_how_to_get_in(finished: tuple[str, Path]) -> None:
    printed, _ = finished
    assert re.search(r"^  Pages +http://127\.0\.0\.1:\d+$", printed, re.MULTILINE)
    assert re.search(r"^  Sign in +admin / demo-\S{8,}$", printed, re.MULTILINE)


def test_it_tells_what_happens_in_a_screen_of_plain_lines(finished: tuple[str, Path]) -> None:
    printed, output = finished
    told = [line.split(maxsplit=1)[0] for line in printed.splitlines() if line.startswith("  ")]
    assert told == [
        *("Display", "Details", "Camera", "Started", "Started", "Started", "Live", "Enrolled"),
        *("Pages", "Sign", "Recognised", "Recognised", "Recognised", "Stranger"),
        *("Network", "Pictures"),
    ]
    assert "headless" in printed
    assert str(output) in printed
    assert "{" not in printed
    assert '{"' in (output / "demo.log").read_text()


def test_the_log_names_nobody_and_holds_no_password(finished: tuple[str, Path]) -> None:
    printed, output = finished
    log = (output / "demo.log").read_text()
    password = re.search(r"admin / (demo-\S+)", printed)
    assert password is not None
    assert password[1] not in log
    assert not re.search("Alma|Berg|Omar|Castell|Noor|Dahl|Demo parent", log)


def test_an_interrupt_leaves_nothing_running_however_often_it_comes(
    mark: str, tmp_path: Path, demo_assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_SERVER_DATABASE_URL", "postgresql+psycopg://their/own")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("not the demo's")
    demo = start(demo_command(tmp_path / "out"), mark, demo_assets)
    log = tmp_path / "out" / "demo.log"
    wait_until(
        lambda: log.exists() and "kiosk  |" in log.read_text(), what="the kiosk", timeout_s=120
    )
    os.kill(demo.pid, signal.SIGINT)
    wait_until(lambda: "stopping" in log.read_text(), what="the stop", timeout_s=60)
    os.kill(demo.pid, signal.SIGINT)
    printed, _ = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert "Traceback" not in printed
    assert (tmp_path / "out" / "thesis.txt").is_file()


def test_a_taken_port_is_named(mark: str, tmp_path: Path, demo_assets: Path) -> None:
    with socket.socket() as squatter:
        squatter.bind(("127.0.0.1", 0))
        squatter.listen()
        port = squatter.getsockname()[1]
        command = demo_command(tmp_path / "out", f"--ml-port={port}")
        printed, _ = start(command, mark, demo_assets).communicate(timeout=60)
    assert f"port {port}, which the ml needs, is taken" in printed
