"""Erasure receipts out of a gallery file that is of no use any more: records beside a cache."""

from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kiosk.storage.database import SQLiteFile, read_rows
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import Erasure, parse_message
from protocol.v1.signing import verify_document


def receipts_in(path: Path, key: Ed25519PrivateKey) -> list[Erasure]:
    """Return the receipts in a damaged file that can be read and whose signature holds."""
    rows = read_rows(path, "SELECT body FROM erasure ORDER BY id")
    return [receipt for (body,) in rows for receipt in _proven(body, key)]


def keep_receipts(database: SQLiteFile, receipts: Iterable[Erasure]) -> None:
    """Store receipts that the server has not confirmed.

    Raises:
        StorageError: the disk refuses.
    """
    rows = [(one.id, one.to_json()) for one in receipts]
    if rows:
        with database.transaction() as db:
            db.executemany("INSERT OR IGNORE INTO erasure (id, body) VALUES (?, ?)", rows)


def _proven(body: object, key: Ed25519PrivateKey) -> list[Erasure]:
    raw = body.encode() if isinstance(body, str) else body
    if not isinstance(raw, bytes):
        return []
    try:
        receipt = parse_message(Erasure, raw)
        unsigned = receipt.model_dump(mode="json", exclude={"signature"})
        verify_document(unsigned, receipt.signature, key.public_key(), context="erasure")
    except ProtocolError:
        return []
    return [receipt]
