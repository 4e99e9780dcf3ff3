"""Outboxes set aside beside the present one: found, opened for delivery, and removed when done."""

import logging
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.domain.clock import Clock
from kiosk.errors import StorageError
from kiosk.storage.adoption import SavedEvent
from kiosk.storage.chain import ChainSigner
from kiosk.storage.database import read_rows
from kiosk.storage.failures import translated
from kiosk.storage.files import free_name, give_to_owner_of, remove
from kiosk.storage.outbox import SQLiteOutbox
from kiosk.storage.settling import is_signed_by

logger = logging.getLogger(__name__)

DAMAGED = "corrupt"
OTHER_KIOSK = "other-kiosk"
OTHER_KEY = "other-key"
IMPORTED = "imported"
_DELIVERED_LABELS = (OTHER_KIOSK, OTHER_KEY, IMPORTED)
_BESIDE = ("-wal", "-shm", ".reserve", ".seq")
_NO_LIMIT = 2**62


@dataclass(frozen=True, slots=True)
class EarlierOutbox:
    """An outbox of an earlier identity: whose events it holds, and where."""

    path: Path
    kiosk_id: str
    outbox: SQLiteOutbox


def renamed_files(path: Path, label: str) -> list[Path]:
    """Return the files that were set aside under a label, without their journals, by name.

    Where only a journal is left, the name that its file would have is among them.
    """
    found = path.parent.glob(f"{path.name}.{label}-*")
    names = {file.with_name(file.name.removesuffix("-wal")) for file in found}
    return sorted(file for file in names if not file.name.endswith(_BESIDE))


def earlier_files(path: Path) -> list[Path]:
    """Return the set-aside outboxes beside the present one that are to be delivered."""
    found = (file for label in _DELIVERED_LABELS for file in renamed_files(path, label))
    return [file for file in found if file.exists()]


def newest_set_aside(path: Path, kiosk_id: str) -> int:
    """Return the newest number of one kiosk in the outboxes set aside for delivery; 0 for none."""
    query = "SELECT max(seq) FROM (SELECT seq FROM chain UNION ALL SELECT seq FROM event)"
    query += " WHERE (SELECT kiosk_id FROM chain) = ?"
    rows = [row for file in earlier_files(path) for row in read_rows(file, query, (kiosk_id,))]
    return max((row[0] or 0 for row in rows), default=0)


def open_earlier(
    file: Path, key: Ed25519PrivateKey, present_id: str, clock: Clock
) -> EarlierOutbox | None:
    """Open a set-aside outbox for its delivery; None where it holds no chain. Close it afterwards.

    Args:
        file: one of `earlier_files`.
        key: of this kiosk. Events that it signed under another identity may be renumbered.
        present_id: the kiosk's id now.
        clock: for the time of refusals.

    Raises:
        StorageError: it cannot be opened.
    """
    kiosk_id = _owner(file)
    if kiosk_id is None:
        return None
    outbox = _outbox(file, ChainSigner(kiosk_id, key, is_own=False), clock)
    newest = outbox.newest()
    if kiosk_id != present_id and newest is not None and is_signed_by(newest, key):
        outbox.close()
        outbox = _outbox(file, ChainSigner(kiosk_id, key), clock)
    return EarlierOutbox(file, kiosk_id, outbox)


def _outbox(file: Path, signer: ChainSigner, clock: Clock) -> SQLiteOutbox:
    return SQLiteOutbox(file, signer, clock, _NO_LIMIT, is_set_aside=True)


def waiting_in(file: Path) -> int:
    """Count the events of a set-aside outbox that wait, also of an earlier version's file.

    Returns:
        0 where the file cannot be read.
    """
    for condition in ("WHERE delivered_ms IS NULL", ""):
        with suppress(sqlite3.Error), closing(_connected(file)) as db:
            count: int = db.execute(f"SELECT count(*) FROM event {condition}").fetchone()[0]  # noqa: S608
            return count
    return 0


def _connected(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)


def _owner(file: Path) -> str | None:
    with translated(file), closing(_connected(file)) as db:
        row = db.execute("SELECT kiosk_id FROM chain").fetchone()
    return None if row is None else str(row[0])


def keep_others(path: Path, found: Iterable[SavedEvent], clock: Clock) -> list[Path]:
    """Write events of other identities into outboxes of their own, to be delivered.

    Args:
        path: of the present outbox.
        found: the events; those of one kiosk go into one file.
        clock: for the names.

    Returns:
        The new files, one for each kiosk.

    Raises:
        StorageError: the disk refuses; what was written until then stays.
    """
    by_kiosk = sorted(found, key=lambda one: (str(one.raw["kiosk_id"]), one.seq))
    files = []
    for kiosk_id, events in groupby(by_kiosk, key=lambda one: str(one.raw["kiosk_id"])):
        files.append(_write(path, kiosk_id, tuple(events), clock))
    return files


def _write(path: Path, kiosk_id: str, events: tuple[SavedEvent, ...], clock: Clock) -> Path:
    """Write under a name that nobody looks for, then rename: the file is whole or not there."""
    draft = path.with_name(f"{path.name}.new")
    remove(draft)
    signer = ChainSigner(kiosk_id, Ed25519PrivateKey.generate(), is_own=False)
    with closing(_outbox(draft, signer, clock)) as outbox:
        outbox.collect(events)
    target = free_name(path, IMPORTED, clock.reading().at)
    with translated(target):
        give_to_owner_of(path.parent, draft)
        draft.replace(target)
    return target


def drop_if_done(earlier: EarlierOutbox) -> bool:
    """Delete the file once everything in it was kept for its days after delivery."""
    outbox = earlier.outbox
    if outbox.waiting or outbox.kept or outbox.refused:
        return False
    outbox.close()
    with suppress(StorageError):
        remove(earlier.path)
        logger.info("set-aside outbox delivered and deleted %s", earlier.path.name)
    return True
