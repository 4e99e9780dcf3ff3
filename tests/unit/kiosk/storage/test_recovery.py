import logging
import random
import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.kiosk.storage.drafts import ack, chain_of, draft, hand_over, opened, outbox_in

PAGE = 4096


def _closed_outbox_with(folder: Path, count: int) -> Path:
    outbox = outbox_in(folder)
    for number in range(count):
        outbox.append(draft(f"p{number}"))
    outbox.close()
    return folder / "outbox.db"


def _overwrite(path: Path, offset: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(random.Random(7).randbytes(length))


def test_whole_file_opens_without_recovery(tmp_path: Path) -> None:
    _closed_outbox_with(tmp_path, 3)

    assert opened(tmp_path).recovery is None


def test_file_with_a_destroyed_header_is_kept_and_its_events_saved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = _closed_outbox_with(tmp_path, 40)
    _overwrite(path, 0, 100)

    with caplog.at_level(logging.ERROR):
        again = opened(tmp_path)

    assert again.recovery is not None
    assert again.recovery.set_aside.exists()
    assert again.recovery.salvaged == 40
    assert chain_of(again.outbox.pending(100)).is_whole
    assert again.outbox.append(draft()).seq == 41
    assert "40 events saved" in caplog.text


def test_bad_page_costs_only_the_events_on_it(tmp_path: Path) -> None:
    path = _closed_outbox_with(tmp_path, 60)
    page = path.read_bytes().index(b'"person_id": "p30"') // PAGE
    _overwrite(path, page * PAGE, PAGE)

    again = opened(tmp_path)

    assert again.recovery is not None
    assert 50 <= again.recovery.salvaged < 60
    assert again.outbox.append(draft()).seq == 61


def test_sequence_goes_on_when_all_damaged_rows_were_acknowledged(tmp_path: Path) -> None:
    outbox = outbox_in(tmp_path)
    for _ in range(30):
        outbox.append(draft())
    hand_over(outbox, 100)
    outbox.settle(ack(30))
    for _ in range(30):
        outbox.append(draft())
    outbox.close()
    path = tmp_path / "outbox.db"
    _overwrite(path, 0, path.stat().st_size)

    again = opened(tmp_path)

    assert again.recovery is not None
    assert again.recovery.salvaged == 0
    assert again.outbox.append(draft()).seq == 61


@pytest.mark.parametrize("rest", [None, b"", b"\0"])
@pytest.mark.parametrize("is_renamed", [True, False])
def test_events_that_only_the_journal_holds_are_saved(
    tmp_path: Path, rest: bytes | None, *, is_renamed: bool
) -> None:
    """The file is gone or empty; SQLite deletes such a journal as soon as it sees it."""
    (tmp_path / "old").mkdir()
    outbox = outbox_in(tmp_path / "old")
    for number in range(3):
        outbox.append(draft(f"p{number}"))
    name = "outbox.db.corrupt-20261123T080000Z" if is_renamed else "outbox.db"
    shutil.copy(tmp_path / "old" / "outbox.db-wal", tmp_path / f"{name}-wal")
    outbox.close()
    if rest is not None:
        (tmp_path / name).write_bytes(rest)

    again = opened(tmp_path)

    assert (again.outbox.waiting, again.outbox.last_seq) == (3, 3)
    assert len(list(tmp_path.glob("*.corrupt-*-wal"))) == 1
    again.outbox.close()
    assert opened(tmp_path).recovery is None


def test_file_of_a_newer_kiosk_is_kept_and_its_events_are_saved(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    with outbox._database.reading() as db:
        db.execute("PRAGMA user_version = 99")
    outbox.close()

    with caplog.at_level(logging.ERROR), closing(outbox_in(tmp_path)) as again:
        assert (again.waiting, again.last_seq) == (1, 1)

    assert list(tmp_path.glob("outbox.db.corrupt-*"))
