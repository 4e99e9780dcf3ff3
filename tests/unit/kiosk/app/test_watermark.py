"""The kiosk's signed word on how far its events go."""

from datetime import timedelta
from pathlib import Path

import pytest

from kiosk.app.watermark import WatermarkSigner
from kiosk.domain.recorder import Recorder
from protocol.v1.messages import ClockSource, Watermark
from protocol.v1.signing import GENESIS_HASH, read_event
from protocol.v1.statements import verify_watermark
from tests.fakes.kiosk_clock import START, ManualClock
from tests.fakes.kiosk_outbox import MemoryOutbox
from tests.unit.kiosk.storage.drafts import SIGNER, draft, outbox_in


def signer(folder: Path, clock: ManualClock, recorder: Recorder | None = None) -> WatermarkSigner:
    outbox = outbox_in(folder)
    made = recorder or Recorder(outbox)
    return WatermarkSigner("k1", SIGNER.key, clock, outbox, made, slack_s=10.0)


def test_it_names_the_newest_event_and_the_moment_and_is_signed(tmp_path: Path) -> None:
    clock = ManualClock()
    clock.offset_ms = 1500
    watermarks = signer(tmp_path, clock)
    watermarks.outbox.append(draft())
    (raw,) = watermarks.outbox.pending(1)

    made = watermarks.watermark()

    assert made is not None
    verify_watermark(made, SIGNER.key.public_key())
    assert Watermark.model_validate_json(made.to_json()) == made
    assert (made.seq, made.head) == (1, read_event(raw).hash)
    assert made.made_at == START + timedelta(seconds=1.5)
    assert made.through == made.made_at - timedelta(seconds=10)
    assert (made.boot_id, made.uptime_s, made.clock_source) == ("b1", 1000.0, "ntp")


def test_before_the_first_event_it_names_none(tmp_path: Path) -> None:
    made = signer(tmp_path, ManualClock()).watermark()

    assert made is not None
    assert (made.seq, made.head) == (0, GENESIS_HASH)


@pytest.mark.parametrize("source", [ClockSource.UNSYNCED, ClockSource.RTC])
def test_there_is_none_while_the_time_is_not_known(tmp_path: Path, source: ClockSource) -> None:
    clock = ManualClock()
    clock.source, clock.offset_ms = source, None

    assert signer(tmp_path, clock).watermark() is None


def test_there_is_none_while_this_start_has_no_name(tmp_path: Path) -> None:
    clock = ManualClock()
    clock.boot_id = ""

    assert signer(tmp_path, clock).watermark() is None


def test_it_stays_behind_marks_that_wait_for_the_disk(tmp_path: Path) -> None:
    disk = MemoryOutbox()
    disk.is_disk_full = True
    recorder = Recorder(disk)
    recorder.record(draft(), 0.0)
    clock = ManualClock(START + timedelta(hours=1))

    made = signer(tmp_path, clock, recorder).watermark()

    assert made is not None
    assert made.through == START + timedelta(milliseconds=12)
