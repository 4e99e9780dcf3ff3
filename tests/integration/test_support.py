"""The tests' own tools do what the tests rely on."""

import os
import signal
from pathlib import Path

import psycopg
import pytest
from playwright.sync_api import Browser

from tests.support.mosquitto import PlainBroker
from tests.support.nursery import Forked, start
from tests.support.ports import is_listening
from tests.support.processes import BIN
from tests.support.waiting import wait_until


@pytest.mark.integration
def test_every_test_gets_an_empty_database(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        tables = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        ).fetchone()
    assert tables == (0,)


@pytest.mark.integration
def test_a_killed_broker_is_gone(mosquitto: PlainBroker) -> None:
    assert is_listening(mosquitto.port)
    mosquitto.process.kill()
    assert not is_listening(mosquitto.port)


def test_a_forked_program_has_its_own_environment_log_group_and_end(tmp_path: Path) -> None:
    server = str(BIN / "rollcall-server")
    with (tmp_path / "log").open("wb") as log:
        env = {**os.environ, "ROLLCALL_SERVER_PORT": "no number"}
        refused = start([server, "serve"], env, log.fileno())
        assert refused.wait(30) == 2
        told = start([server, "--help"], dict(os.environ), log.fileno())
        assert (told.wait(30), told.poll(), told.returncode) == (0, 0, 0)
        env = {**os.environ, "ROLLCALL_SERVER_DATA_DIR": str(tmp_path / "data")}
        serving = start([server, "serve"], env, log.fileno())
        assert isinstance(serving, Forked)
        wait_until(lambda: os.getpgid(serving.pid) == serving.pid, what="its own group")
        os.killpg(serving.pid, signal.SIGKILL)
        assert serving.wait(30) == -signal.SIGKILL
    text = (tmp_path / "log").read_text()
    assert "setting port" in text
    assert "usage: rollcall-server" in text


def test_a_program_with_another_interpreter_is_not_forked(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    with (tmp_path / "log").open("wb") as log:
        told = start([str(BIN / "rollcall-server"), "--help"], env, log.fileno())
        assert not isinstance(told, Forked)
        assert told.wait(60) == 0


@pytest.mark.browser
def test_the_browser_renders(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<h1>Rollcall</h1>")
    assert page.inner_text("h1") == "Rollcall"
    page.close()
