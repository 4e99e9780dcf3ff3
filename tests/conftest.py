"""Fixtures every test may use: real brokers, real databases, a real browser, real photos."""

import logging
import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
import pytest_socket
from hypothesis import settings

from tests.support.bytecode import share_bytecode
from tests.support.memory import keep_temporary_files_in_memory

keep_temporary_files_in_memory()
share_bytecode()

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("QT_QUICK_BACKEND", "software")

# Shared, busy machines: an example that takes long is no failure, only a wrong one is.
# Before a new rule is handed in: HYPOTHESIS_EXAMPLES=20000.
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "100"))
settings.register_profile("rollcall", deadline=None, max_examples=EXAMPLES)
settings.load_profile("rollcall")

pytest_plugins = [
    "tests.support.browser",
    "tests.support.garbage",
    "tests.support.mosquitto",
    "tests.support.passwords",
    "tests.support.postgres",
    "tests.support.sface",
    "tests.support.databases",  # after postgres, which it imports
]

INSTALLED_BY_US = ("Debian's", "asset cache", "fetch_assets", "C compiler", "own uv")
ROOT = Path(__file__).resolve().parent.parent


def pytest_runtest_setup() -> None:
    """Refuse every connection that would leave this machine."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing that our own files install may be missing: such a skip is a failure."""
    report = yield
    is_missing = any(words in str(report.longrepr) for words in INSTALLED_BY_US)
    if report.skipped and is_missing and os.environ.get("CI"):
        report.outcome = "failed"
    return report


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a developer's own Rollcall settings out of the tests."""
    for name in [key for key in os.environ if key.startswith(("ROLLCALL_", "ML_"))]:
        if name != "ROLLCALL_ASSETS":
            monkeypatch.delenv(name)
    monkeypatch.delenv("PORT", raising=False)


@pytest.fixture(autouse=True)
def _no_log_to_closed_streams() -> Iterator[None]:
    """Take off the handlers that a test or a wider fixture leaves: their streams have ended."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        if getattr(getattr(handler, "stream", None), "closed", False):
            root.removeHandler(handler)
    before = list(root.handlers)
    yield
    for handler in [one for one in root.handlers if one not in before]:
        root.removeHandler(handler)


def _shared(name: str) -> Path:
    folder = ROOT.parent / "shared" / name
    if not folder.is_dir():
        pytest.skip(f"needs the project's shared/{name} folder, which is not beside this checkout")
    return folder


@pytest.fixture(scope="session")
def shared_faces() -> Path:
    """Folder of real faces that stay outside the repository; the test skips without it."""
    return _shared("faces")


@pytest.fixture(scope="session")
def shared_cases() -> Path:
    """Folder of inputs that failed once; the test skips without it."""
    return _shared("cases")


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """Folder of third-party models for comparison only; the test skips without it."""
    return _shared("models")


@pytest.fixture(scope="session")
def assets() -> Path:
    """The asset cache, filled by scripts/fetch_assets (`make test` does it)."""
    default = Path.home() / ".cache" / "rollcall" / "assets"
    folder = Path(os.environ.get("ROLLCALL_ASSETS", default))
    if not folder.is_dir():
        pytest.skip("needs the asset cache: run scripts/fetch_assets once")
    return folder
