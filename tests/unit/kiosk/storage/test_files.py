import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from kiosk.errors import DiskFullError, StorageError
from kiosk.storage.failures import translated
from kiosk.storage.files import private_folder, read_if_there, set_aside, write_private

AT = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)


def test_new_content_replaces_the_old_whole(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_private(path, b"a longer old content")

    write_private(path, b"new")

    assert path.read_bytes() == b"new"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_old_content_stays_when_the_new_cannot_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("f" * 252)  # the longest name is 255 letters: there is none for the new
    path.write_bytes(b"old")

    with pytest.raises(StorageError):
        write_private(path, b"new")

    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_has_its_own_error(tmp_path: Path, number: int) -> None:
    with pytest.raises(DiskFullError), translated(tmp_path / "file"):
        raise OSError(number, os.strerror(number))


def test_missing_file_is_none_and_an_unreadable_one_an_error(tmp_path: Path) -> None:
    assert read_if_there(tmp_path / "missing") is None
    with pytest.raises(StorageError):
        read_if_there(tmp_path)


def test_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(StorageError):
        private_folder(tmp_path / "file" / "folder")


def test_set_aside_never_overwrites_an_earlier_one(tmp_path: Path) -> None:
    path = tmp_path / "outbox.db"
    names = []
    for content in (b"one", b"two"):
        path.write_bytes(content)
        path.with_name("outbox.db-wal").write_bytes(content)
        names.append(set_aside(path, "corrupt", AT))

    assert [name.read_bytes() for name in names] == [b"one", b"two"]
    assert not path.exists()
    assert not path.with_name("outbox.db-wal").exists()
