"""Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = shutil.which("chromium")
_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@contextmanager
def chromium(extra_args: Sequence[str] = ()) -> Iterator[Browser]:
    """A headless browser; `extra_args` for example a fake camera file, fixed at launch."""
    if CHROMIUM is None:
        pytest.skip("needs Debian's chromium package")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*_ARGS, *extra_args], headless=True
        )
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser per test module, open a new context per test.

    Not per run: while it is open Playwright keeps an event loop running in this thread, in which
    no other test could run one of its own.
    """
    with chromium() as opened:
        yield opened
