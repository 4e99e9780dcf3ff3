"""The tests' own tools do what the tests rely on."""

import psycopg
import pytest
from playwright.sync_api import Browser

from tests.support.mosquitto import PlainBroker
from tests.support.ports import is_listening


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


@pytest.mark.browser
def test_the_browser_renders(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<h1>Rollcall</h1>")
    assert page.inner_text("h1") == "Rollcall"
    page.close()
