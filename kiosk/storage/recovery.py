"""Opening the outbox after whatever happened to its file: nothing is dropped without a word."""

import logging
from dataclasses import dataclass
from pathlib import Path

from kiosk.domain.clock import Clock
from kiosk.errors import CorruptStoreError
from kiosk.storage.chain import ChainSigner, ChainStart
from kiosk.storage.earlier import (
    DAMAGED,
    OTHER_KEY,
    OTHER_KIOSK,
    keep_others,
    newest_set_aside,
    renamed_files,
)
from kiosk.storage.files import set_aside
from kiosk.storage.outbox import SQLiteOutbox
from kiosk.storage.salvage import is_empty, salvage
from kiosk.storage.settling import is_signed_by

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What happened to a damaged outbox: where the file went, and how much came through."""

    set_aside: Path
    salvaged: int


@dataclass(frozen=True, slots=True)
class OpenedOutbox:
    """An outbox ready for use; ``recovery`` is set when its file was damaged."""

    outbox: SQLiteOutbox
    recovery: Recovery | None


def open_outbox(
    path: Path,
    signer: ChainSigner,
    start: ChainStart,
    *,
    clock: Clock,
    max_events: int,
    max_kept_events: int,
) -> OpenedOutbox:
    """Open the outbox, whatever state its file is in.

    A damaged file is renamed, never deleted, and every event in it that can still be read and
    whose signature holds is taken over. A file of another kiosk identity, or of a key that was
    lost, is renamed likewise. No number is given twice: the chain goes on above what `outbox.seq`
    knows, and what is missing below is noted.

    Args:
        path: the file; made if it is not there.
        signer: whose events these are.
        start: where the server says our chain is; used only when it is ahead of our own.
        clock: for names of renamed files.
        max_events: see `SQLiteOutbox`.
        max_kept_events: see `SQLiteOutbox`.

    Raises:
        StorageError: the disk refuses altogether.
    """
    opening = _Opening(path, signer, start, clock, (max_events, max_kept_events))
    outbox = opening.open()
    recovery = opening.take_over(outbox)
    outbox.begin_at(start)
    return OpenedOutbox(outbox, recovery)


@dataclass(frozen=True, slots=True)
class _Opening:
    path: Path
    signer: ChainSigner
    start: ChainStart
    clock: Clock
    most: tuple[int, int]

    def open(self) -> SQLiteOutbox:
        """Open the file, or a new one after the present one was renamed."""
        self._rename_orphaned_journal()
        try:
            outbox = self._opened()
        except CorruptStoreError:
            self._rename(DAMAGED)
            return self._opened()
        label = self._foreign_label(outbox)
        if label:
            outbox.close()
            kept = self._rename(label)
            logger.warning("outbox belongs to another identity, kept as %s", kept.name)
            outbox = self._opened()
        if outbox.kiosk_id is None:
            self._begin_above_set_aside(outbox)
        return outbox

    def _begin_above_set_aside(self, fresh: SQLiteOutbox) -> None:
        """Give no number again that a set-aside outbox of this kiosk still delivers."""
        seq = newest_set_aside(self.path, self.signer.kiosk_id)
        if seq:
            fresh.begin_above_set_aside(self.start, seq)

    def take_over(self, outbox: SQLiteOutbox) -> Recovery | None:
        """Save the events of damaged files; also those of a start that was cut short."""
        recovery = None
        for damaged in renamed_files(self.path, DAMAGED):
            if outbox.has_examined(damaged.name):
                continue
            saved = salvage(damaged, self.signer)
            keep_others(self.path, saved.others, self.clock)  # twice after a crash: no harm
            count = outbox.adopt(damaged.name, saved, self.start)
            logger.error("outbox damaged, kept as %s, %d events saved from it", damaged.name, count)
            recovery = Recovery(damaged, count)
        return recovery

    def _opened(self) -> SQLiteOutbox:
        max_events, max_kept = self.most
        return SQLiteOutbox(
            self.path, self.signer, self.clock, max_events, max_kept_events=max_kept
        )

    def _foreign_label(self, outbox: SQLiteOutbox) -> str:
        if outbox.kiosk_id not in (None, self.signer.kiosk_id):
            return OTHER_KIOSK
        newest = outbox.newest()
        is_ours = newest is None or is_signed_by(newest, self.signer.key)
        return "" if is_ours else OTHER_KEY

    def _rename_orphaned_journal(self) -> None:
        """SQLite deletes a journal whose file is missing or empty; its events can be read."""
        journal = self.path.with_name(self.path.name + "-wal")
        is_orphaned = is_empty(self.path) and journal.is_file() and journal.stat().st_size > 0
        if is_orphaned:
            self._rename(DAMAGED)

    def _rename(self, label: str) -> Path:
        return set_aside(self.path, label, self.clock.reading().at)
