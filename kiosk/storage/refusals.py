"""Refused signatures of our own key, and what the outbox's file says of lost events."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from kiosk.storage.chain import ChainSigner, insert
from kiosk.storage.database import SQLiteFile, read_rows
from kiosk.storage.gaps import LOST
from protocol.v1.messages import RefusalReason
from protocol.v1.signing import read_event

logger = logging.getLogger(__name__)

_NUMBERS = (
    "SELECT coalesce((SELECT seq FROM chain), 0),"
    " (SELECT count(*) FROM event WHERE delivered_ms IS NULL),"
    " (SELECT count(*) FROM event WHERE delivered_ms IS NOT NULL), (SELECT count(*) FROM refused)"
)
_REFUSED = "SELECT id, body FROM refused WHERE reason = ? AND seq NOT IN (SELECT seq FROM event)"


def take_back(database: SQLiteFile, signer: ChainSigner) -> None:
    """Let events wait again whose signature the server refused although our own key did sign them.

    The server knew another key then. Versions up to 27 November 2026 put such events apart.

    Args:
        database: an outbox.
        signer: whose key signs now.

    Raises:
        StorageError: nothing was changed.
    """
    with database.reading() as db:
        rows = db.execute(_REFUSED, (RefusalReason.BAD_SIGNATURE.value,)).fetchall()
    own = [(event_id, body) for event_id, body in rows if signer.has_signed(body)]
    if not own:
        return
    with database.transaction() as db:
        for event_id, body in own:
            db.execute("DELETE FROM refused WHERE id = ?", (event_id,))
            insert(db, read_event(json.loads(body)), body)
    logger.warning("events with a refused signature of our own wait again count=%d", len(own))


def lost_events(outbox: Path) -> int:
    """Count the events of an outbox that a damage took; 0 where it cannot be read."""
    rows = read_rows(outbox, LOST)
    return int(rows[0][0]) if rows else 0


@dataclass(frozen=True, slots=True)
class Contents:
    """What an outbox's file holds: the newest number, and counts of events."""

    last_seq: int
    waiting: int
    kept: int
    refused: int
    lost: int


def contents(outbox: Path) -> Contents | None:
    """Count what an outbox holds while the kiosk may be writing to it; it is not changed.

    Returns:
        None where it is damaged, or of another version.
    """
    is_whole = read_rows(outbox, "PRAGMA integrity_check(1)") == [("ok",)]
    rows = read_rows(outbox, _NUMBERS) if is_whole else []
    if not rows:
        return None
    last_seq, waiting, kept, refused = map(int, rows[0])
    return Contents(last_seq, waiting, kept, refused, lost_events(outbox))
