"""Opening the outbox after whatever happened to its file: nothing is dropped without a word."""

import logging
from dataclasses import dataclass
from pathlib import Path

from kiosk.domain.clock import Clock
from kiosk.errors import CorruptStoreError
from kiosk.storage.files import set_aside
from kiosk.storage.outbox import ChainSigner, ChainStart, SQLiteOutbox
from kiosk.storage.salvage import salvage

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
    path: Path, signer: ChainSigner, start: ChainStart, *, clock: Clock, max_events: int
) -> OpenedOutbox:
    """Open the outbox, whatever state its file is in.

    A damaged file is renamed, never deleted, and every event in it that can still be read and
    whose signature holds is taken over. A file of another kiosk identity is renamed likewise.

    Args:
        path: the file; made if it is not there.
        signer: whose events these are.
        start: where the server says our chain is; used only when it is ahead of our own.
        clock: for names of renamed files.
        max_events: see `SQLiteOutbox`.

    Raises:
        StorageError: the disk refuses altogether.
    """
    recovery = None
    try:
        outbox = SQLiteOutbox(path, signer, clock, max_events)
    except CorruptStoreError:
        outbox, recovery = _recover(path, signer, clock, max_events)
    if outbox.kiosk_id not in (None, signer.kiosk_id):
        outbox.close()
        kept = set_aside(path, "other-kiosk", clock.reading().at)
        logger.warning(
            "The outbox belonged to another kiosk identity and was kept as %s", kept.name
        )
        outbox = SQLiteOutbox(path, signer, clock, max_events)
    outbox.begin_at(start)
    return OpenedOutbox(outbox, recovery)


def _recover(
    path: Path, signer: ChainSigner, clock: Clock, max_events: int
) -> tuple[SQLiteOutbox, Recovery]:
    damaged = set_aside(path, "corrupt", clock.reading().at)
    saved = salvage(damaged, signer)
    outbox = SQLiteOutbox(path, signer, clock, max_events)
    count = outbox.adopt(saved.events)
    if saved.head is not None:
        outbox.begin_at(saved.head)
    logger.error("The outbox was damaged: kept as %s, %d events saved from it", damaged.name, count)
    return outbox, Recovery(damaged, count)
