"""kill -9 while events are being recorded."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.kiosk.storage.drafts import chain_of, outbox_in

ROOT = Path(__file__).resolve().parents[2]


def _record_until_killed(folder: Path, lines: int) -> int:
    """Kill the writer after it reported some events; returns the last number it reported."""
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.outbox_writer", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert child.stdout is not None
    reported = [child.stdout.readline() for _ in range(lines)]
    child.kill()
    reported += child.stdout.readlines()
    child.stdout.close()
    child.wait(10)
    return max(int(line) for line in reported if line.endswith("\n"))


@pytest.mark.integration
def test_every_event_reported_as_recorded_survives_kill_9(tmp_path: Path) -> None:
    chance = random.Random(20261123)
    reported = 0

    for _ in range(5):
        reported = max(reported, _record_until_killed(tmp_path, chance.randint(1, 400)))

    outbox = outbox_in(tmp_path, max_events=1_000_000)
    events = outbox.pending(1_000_000)
    report = chain_of(events)
    assert report.is_whole
    assert report.contiguous_seq == len(events)
    assert reported <= len(events) <= reported + 5
    assert outbox.whole_through() is not None  # no number counts as lost
