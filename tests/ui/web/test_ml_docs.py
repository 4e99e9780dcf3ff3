"""The ML service's `/docs` in a real browser, which may reach nothing but the service."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, expect

from tests.support.ports import free_port, is_listening
from tests.support.processes import BIN, running

pytestmark = [pytest.mark.browser, pytest.mark.integration]
KEY = "a-key-for-the-docs"


@pytest.fixture
def url(assets: Path, tmp_path: Path) -> Iterator[str]:
    del assets
    port = free_port()
    env = {
        "ROLLCALL_ML_API_KEY": KEY,
        "ROLLCALL_ML_PORT": str(port),
        "ROLLCALL_ML_WORKERS": "1",
    }
    args = [str(BIN / "rollcall-ml")]
    with running(args, log_path=tmp_path / "log", env=env, ready=lambda: is_listening(port)):
        yield f"http://127.0.0.1:{port}"


def test_the_description_is_shown_from_local_files_alone(browser: Browser, url: str) -> None:
    page = browser.new_page()
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda line: problems.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))

    page.goto(f"{url}/docs")
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Show the API").click()

    expect(page.get_by_text("/api/ml/encode-face", exact=True)).to_be_visible()
    page.get_by_text("/api/ml/encode-face", exact=True).click()
    expect(page.get_by_role("button", name="Try it out")).to_be_visible()
    assert [one for one in asked if not one.startswith((url, "data:"))] == []
    assert problems == []


def test_a_wrong_key_shows_a_sentence_and_nothing_of_the_api(browser: Browser, url: str) -> None:
    page = browser.new_page()
    page.goto(f"{url}/docs")
    page.get_by_label("API key").fill("a-wrong-key")
    page.get_by_role("button", name="Show the API").click()

    expect(page.get_by_role("alert")).to_have_text("This key is not right. Check it and try again.")
    assert page.locator("#swagger-ui").inner_html() == ""


def test_the_page_works_for_clients_without_compression(url: str) -> None:
    plain = requests.get(
        f"{url}/docs/swagger-ui.css", headers={"Accept-Encoding": "identity"}, timeout=10
    )

    assert "content-encoding" not in plain.headers
    assert ".swagger-ui" in plain.text
    assert (
        "'unsafe-eval'"
        not in requests.get(f"{url}/docs", timeout=10).headers["Content-Security-Policy"]
    )
    assert requests.get(f"{url}/docs/..%2fapi.py", timeout=10).status_code == 404
