"""Nothing is left behind when the kiosk is killed while its camera hangs."""

import signal
import subprocess
import sys

import psutil
import pytest

from tests.support.waiting import wait_until

pytestmark = pytest.mark.integration

KIOSK = """
import signal, sys
from kiosk.vision.capture import CaptureProcess
from kiosk.vision.spec import SourceKind, SourceOptions, SourceSpec

hang = "import signal; from kiosk.vision.capture_child import _die_with_parent as d; d(); "
hang += "print('hung', flush=True); signal.pause()"
spec = SourceSpec(SourceKind.CAMERA_INDEX, "0", SourceOptions())
capture = CaptureProcess(spec, command=[sys.executable, "-c", hang])
print(capture.pid, flush=True)
signal.pause()
"""


def test_a_hung_capture_process_dies_with_a_killed_kiosk() -> None:
    kiosk = subprocess.Popen([sys.executable, "-c", KIOSK], stdout=subprocess.PIPE, text=True)
    assert kiosk.stdout is not None
    said = {kiosk.stdout.readline().strip(), kiosk.stdout.readline().strip()}
    child = psutil.Process(int((said - {"hung"}).pop()))
    kiosk.send_signal(signal.SIGKILL)
    kiosk.wait()
    kiosk.stdout.close()
    wait_until(lambda: not child.is_running(), what="the capture process to end")
