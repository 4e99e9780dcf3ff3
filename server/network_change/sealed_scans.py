"""Templates from scans as they are stored: sealed like templates, bound to their own row."""

import contextlib
import struct
import uuid
from collections.abc import Iterable, Sequence

from sqlmodel import Session

from server.db.vault import Sealed, Vault
from server.errors import SealBrokenError
from server.networks.scans import SCAN_PURPOSE
from server.networks.tables import WaitingScan


def store(db: Session, vault: Vault, row: WaitingScan, values: Sequence[float]) -> None:
    """Seal a scan's numbers as float32, little-endian, and keep the row."""
    plain = struct.pack(f"<{len(values)}f", *values)
    sealed = vault.seal(plain, purpose=SCAN_PURPOSE, context=str(row.id))
    row.key_id, row.data = sealed.key_id, sealed.data
    db.add(row)
    db.flush()


def open_readable(vault: Vault, rows: Iterable[WaitingScan]) -> dict[uuid.UUID, tuple[float, ...]]:
    """Decrypt the scans that can be read, by id; the others are left out."""
    opened = {}
    for row in rows:
        with contextlib.suppress(SealBrokenError):
            sealed = Sealed(row.key_id, row.data)
            plain = vault.open(sealed, purpose=SCAN_PURPOSE, context=str(row.id))
            opened[row.id] = struct.unpack(f"<{row.dimension}f", plain)
    return opened
