"""Credentials are kept encrypted for one claim; a code counts once, also in a damaged folder."""

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kiosk.domain.download import CachedCredentials
from kiosk.storage.credentials import CredentialFile
from kiosk.storage.storage_key import StorageKey
from kiosk.storage.used_codes import KEPT_AFTER, SQLiteUsedCodes
from protocol.v1.messages import ClockSource, Holder
from tests.fakes.kiosk_clock import START, ManualClock
from tests.fakes.school import CLAIM, credentials

KEPT = CachedCredentials(credentials(holders=[Holder(id="p1", name="Ms Okafor")]), '"v1"')
UNTIL = START + timedelta(seconds=90)
CODE = "0123456789abcdef0123"
KILLED_WRITER = """
import os, signal, sys
from datetime import timedelta
from pathlib import Path
from kiosk.storage.used_codes import SQLiteUsedCodes
from tests.fakes.kiosk_clock import START, ManualClock
codes = SQLiteUsedCodes(Path(sys.argv[1]), ManualClock())
print(codes.use(sys.argv[2], START + timedelta(seconds=90)), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def file(folder: Path) -> CredentialFile:
    return CredentialFile(folder / "credentials.json", StorageKey(folder), CLAIM)


def used(folder: Path, clock: ManualClock | None = None) -> SQLiteUsedCodes:
    return SQLiteUsedCodes(folder / "used_codes.db", clock or ManualClock())


def test_credentials_come_back_with_their_etag_and_are_not_readable(tmp_path: Path) -> None:
    file(tmp_path).save(KEPT)

    assert file(tmp_path).load() == KEPT
    assert b"Okafor" not in (tmp_path / "credentials.json").read_bytes()


def test_credentials_of_another_claim_count_as_none(tmp_path: Path) -> None:
    file(tmp_path).save(KEPT)
    newer = CLAIM.model_copy(update={"claim": 2})

    found = CredentialFile(tmp_path / "credentials.json", StorageKey(tmp_path), newer)

    assert found.load() is None
    assert not found.was_damaged


def test_credentials_of_another_software_version_are_downloaded_again(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    file(tmp_path).save(KEPT)
    kept = json.loads(StorageKey(tmp_path).decrypt(path.name, path.read_bytes()))
    path.write_text(json.dumps(kept | {"understood": "another"}))

    assert file(tmp_path).load() == CachedCredentials(KEPT.document, "")


def test_a_write_that_was_cut_short_leaves_the_old_credentials(tmp_path: Path) -> None:
    file(tmp_path).save(KEPT)
    (tmp_path / "credentials.json.new").write_bytes(b"half")

    assert file(tmp_path).load() == KEPT

    file(tmp_path).delete()
    assert list(tmp_path.glob("credentials.json*")) == []


@given(cut=st.integers(0, 400), junk=st.binary(max_size=20))
def test_a_damaged_file_counts_as_none(
    tmp_path_factory: pytest.TempPathFactory, cut: int, junk: bytes
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    file(folder).save(KEPT)
    path = folder / "credentials.json"
    path.write_bytes(path.read_bytes()[:cut] + junk)

    assert file(folder).load() is None


def test_a_code_counts_once_also_over_a_restart(tmp_path: Path) -> None:
    with closing(used(tmp_path)) as codes:
        assert codes.use(CODE, UNTIL)
        assert not codes.use(CODE, UNTIL)
    with closing(used(tmp_path)) as codes:
        assert not codes.use(CODE, UNTIL)
        assert codes.use("another", UNTIL)


def test_a_code_that_counted_is_on_disk_when_the_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "used_codes.db"
    command = [sys.executable, "-c", KILLED_WRITER, str(path), CODE]
    killed = subprocess.run(
        command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": "."}
    )

    assert (killed.returncode, killed.stdout) == (-signal.SIGKILL, "True\n")
    with closing(used(tmp_path)) as codes:
        assert not codes.use(CODE, UNTIL)


def test_ids_go_after_their_codes_expired_but_never_by_a_clock_that_nothing_checked(
    tmp_path: Path,
) -> None:
    clock = ManualClock()
    with closing(used(tmp_path, clock)) as codes:
        codes.use(CODE, UNTIL)
        clock.advance(KEPT_AFTER.total_seconds() + 91)
        clock.source, clock.offset_ms = ClockSource.UNSYNCED, None
        codes.use("second", clock.at)
        assert codes.size == 2
        clock.source = ClockSource.NTP
        codes.use("third", clock.at)
        assert codes.size == 2
        codes.wipe()
        assert codes.size == 0


@pytest.mark.parametrize("content", [b"no database", b"SQLite format 3\0" + bytes(90)])
def test_a_damaged_table_of_used_codes_is_made_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "used_codes.db").write_bytes(content)

    with closing(used(tmp_path)) as codes:
        assert codes.was_renewed
        assert codes.use(CODE, UNTIL)
