"""Full screen is full on a display without a window manager, whatever its size."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.virtual_display import virtual_display

ROOT = Path(__file__).parents[3]
SIZE = (1080, 1920)
#: A process apart: the tests' own Qt draws into memory, where any full screen is full.
SHOW = """
from kiosk.ui.shell import KioskWindow, ShellCallbacks, ShellSettings, build_application

application = build_application(["rollcall-kiosk"])
window = KioskWindow(ShellSettings(), ShellCallbacks(print, print))
window.view.frameSwapped.connect(application.quit)
window.show()
application.exec()
print(window.view.width(), window.view.height(), flush=True)
window.close()
"""


@pytest.mark.skipif(not shutil.which("Xvfb"), reason="needs Xvfb")
def test_without_a_window_manager_the_window_covers_the_display(tmp_path: Path) -> None:
    with virtual_display(tmp_path, SIZE) as display:
        shown = subprocess.run(
            [sys.executable, "-c", SHOW],
            env={**os.environ, **display.env, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    assert shown.stdout.split() == [str(side) for side in SIZE]
