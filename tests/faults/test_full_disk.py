"""A disk that is really full: a small file system of its own, filled to the last byte."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kiosk.errors import DiskFullError, StorageError
from kiosk.storage.files import write_private
from kiosk.storage.outbox import SQLiteOutbox
from tests.support.small_disk import fill, small_disk
from tests.unit.kiosk.storage.drafts import ack, chain_of, draft, hand_over, outbox_in

pytestmark = pytest.mark.integration


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk") as folder:
        yield folder


def _record_until_refused(outbox: SQLiteOutbox) -> int:
    for count in range(10_000):
        try:
            outbox.append(draft())
        except DiskFullError:
            return count
    raise AssertionError("the disk never got full")


def test_what_was_recorded_stays_whole_when_the_disk_is_full(small_disk: Path) -> None:
    outbox = outbox_in(small_disk)
    first = outbox.append(draft())
    fill(small_disk)
    more = _record_until_refused(outbox)

    report = chain_of(outbox.pending(10_000))

    assert report.is_whole
    assert report.contiguous_seq == outbox.waiting == first.seq + more


def test_full_disk_can_still_be_emptied_by_acks(small_disk: Path) -> None:
    outbox = outbox_in(small_disk)
    outbox.append(draft())
    fill(small_disk)
    count = 1 + _record_until_refused(outbox)
    hand_over(outbox)

    outbox.settle(ack(count))

    assert outbox.waiting == 0
    assert outbox.append(draft()).seq == count + 1


def test_recording_goes_on_when_there_is_room_again(small_disk: Path) -> None:
    outbox = outbox_in(small_disk)
    fill(small_disk)
    count = _record_until_refused(outbox)
    (small_disk / "filler").unlink()

    assert outbox.append(draft()).seq == count + 1
    assert chain_of(outbox.pending(10_000)).is_whole


def test_small_file_that_does_not_fit_leaves_the_old_one_and_no_rest(small_disk: Path) -> None:
    path = small_disk / "config.json"
    write_private(path, b"old")
    fill(small_disk)

    with pytest.raises(StorageError):
        write_private(path, bytes(100_000))

    assert path.read_bytes() == b"old"
    assert not (small_disk / "config.json.new").exists()
