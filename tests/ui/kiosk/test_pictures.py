"""The pictures of the documentation, and the script that draws them."""

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QImage

from scripts.screens import DOCUMENTED

ROOT = Path(__file__).resolve().parents[3]
PICTURES = ROOT / "docs" / "images" / "kiosk"
MAX_BYTES = 200_000


@pytest.mark.parametrize("name", DOCUMENTED)
def test_every_documented_picture_is_there_and_small(name: str) -> None:
    assert (PICTURES / f"{name}.png").stat().st_size < MAX_BYTES


def test_the_script_draws_a_screen(tmp_path: Path) -> None:
    name = "welcome-landscape-light-en"
    subprocess.run(
        [sys.executable, "-m", "scripts.screens", "--out", str(tmp_path), "--only", name],
        cwd=ROOT,
        check=True,
        timeout=120,
    )
    assert QImage(str(tmp_path / f"{name}.png")).width() == 800
