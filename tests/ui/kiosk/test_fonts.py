"""The fonts of a kiosk: every script is drawn, and the log names what is not installed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from pytestqt.qtbot import QtBot

from kiosk.ui.fonts import PACKAGES, kiosk_font, missing_fonts
from tests.ui.kiosk.legible import missing_letters
from tests.ui.kiosk.scripts_of_names import SCRIPTS

ROOT = Path(__file__).resolve().parents[3]
PLAIN = Path("/usr/share/fonts/truetype/dejavu")
START = "import logging; logging.basicConfig(); from kiosk.ui.shell import build_application"


def warnings_with_fonts_of(folder: Path, scratch: Path) -> Sequence[str]:
    """Start the kiosk's Qt application where these are the only fonts; return its warnings."""
    config = scratch / "fonts.conf"
    config.write_text(
        f"<fontconfig><dir>{folder}</dir><cachedir>{scratch}</cachedir></fontconfig>",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-c", f"{START}; build_application(['kiosk'])"],
        cwd=ROOT,
        env={**os.environ, "FONTCONFIG_FILE": str(config), "QT_QPA_PLATFORM": "offscreen"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [line for line in done.stderr.splitlines() if "font missing" in line]


@pytest.fixture(autouse=True)
def _qt(qtbot: QtBot) -> None:
    assert QGuiApplication.instance() is not None


@pytest.mark.parametrize("is_bold", [False, True])
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_letter_of_a_script_is_drawn(script: str, *, is_bold: bool) -> None:
    if missing := missing_fonts():
        pytest.skip(f"fonts are not installed, run scripts/bootstrap kiosk: {missing}")
    font = kiosk_font()
    font.setBold(is_bold)
    assert missing_letters(SCRIPTS[script], font) == 0


def test_a_letter_that_no_font_has_is_noticed() -> None:
    assert missing_letters("Ana \U0010fffd", kiosk_font()) == 1


def test_the_packages_are_those_that_are_installed_with_a_kiosk() -> None:
    lines = (ROOT / "scripts" / "debian-packages.txt").read_text(encoding="utf-8").splitlines()
    installed = {name for line in lines if line.startswith("kiosk:") for name in line.split()[1:]}
    assert set(PACKAGES.values()) <= installed


def test_the_log_names_the_package_of_each_script_without_a_font(tmp_path: Path) -> None:
    if not PLAIN.is_dir():
        pytest.skip("fonts-dejavu-core is not installed")
    warnings = warnings_with_fonts_of(PLAIN, tmp_path)
    assert any("script=Korean package=fonts-noto-cjk" in line for line in warnings)
    assert any("script=Tamil package=fonts-noto-core" in line for line in warnings)
    assert not any("script=Latin" in line for line in warnings)
