"""Keep an uploaded archive in sealed pieces, and read it again without ever having it whole."""

import io
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, delete, func, select

from server.db.vault import Sealed, Vault
from server.imports.tables import ImportPiece, ImportRun, ImportState

#: Small enough for any limit of request bodies; each piece but the last has this size.
PIECE_BYTES = 1024 * 1024
#: 700 photos of 3 MB. It waits in the database beside the photos that it becomes.
MOST_ARCHIVE_BYTES = 2 * 1024**3 - 1
PURPOSE = "import-piece"
_KEPT_OPEN = 4
#: Pieces that are deleted in one transaction: about a quarter of a second.
_AT_ONCE = 16


def keep_piece(db: Session, vault: Vault, run_id: uuid.UUID, number: int, data: bytes) -> None:
    """Keep a piece, sealed."""
    sealed = vault.seal(data, purpose=PURPOSE, context=_context(run_id, number))
    piece = ImportPiece(run_id=run_id, number=number, key_id=sealed.key_id, data=sealed.data)
    db.add(piece)
    db.flush()
    db.expunge(piece)  # its bytes are not kept until the commit


def count_pieces(db: Session, run_id: uuid.UUID) -> int:
    """Return how many pieces of an archive arrived."""
    query = select(func.count()).select_from(ImportPiece).where(ImportPiece.run_id == run_id)
    return db.exec(query).one()


def forget_pieces(db: Session, run_id: uuid.UUID) -> None:
    """Delete a small archive; of a large one some pieces, as `forget_left_over` deletes the rest.

    A database overwrites what it deletes: 2 GB at once would keep every other writer waiting.
    """
    _forget(db, col(ImportPiece.run_id) == run_id)


def forget_left_over(db: Session) -> bool:
    """Delete some pieces of archives that were imported or deleted; returns whether any were."""
    waiting = select(ImportRun.id).where(col(ImportRun.state) != ImportState.DONE)
    return _forget(db, col(ImportPiece.run_id).not_in(waiting))


def _forget(db: Session, which: ColumnElement[bool]) -> bool:
    some = db.exec(select(ImportPiece.run_id, ImportPiece.number).where(which).limit(_AT_ONCE))
    found = some.all()
    for run_id, number in found:
        is_piece = (col(ImportPiece.run_id) == run_id) & (col(ImportPiece.number) == number)
        db.exec(delete(ImportPiece).where(is_piece))
    return bool(found)


class SealedArchive(io.RawIOBase):
    """An archive as a file that is read at any place. Use it within `reading`."""

    def __init__(self, vault: Vault, run_id: uuid.UUID, size_bytes: int) -> None:
        super().__init__()
        self._vault = vault
        self._run_id = run_id
        self._size = size_bytes
        self._at = 0
        self._db: Session | None = None
        self._open: dict[int, bytes] = {}

    @contextmanager
    def reading(self, db: Session) -> Iterator[None]:
        """Read pieces through this session until the block ends."""
        self._db = db
        try:
            yield
        finally:
            self._db = None

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true."""
        return True

    def tell(self) -> int:
        """Return the place of the next byte."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("a place before the start")
        self._at = start + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, as many as asked for unless the archive ends.

        Raises:
            SealBrokenError: a piece cannot be decrypted.
            EOFError: a piece is missing.
        """
        left = max(0, self._size - self._at)
        wanted = left if size < 0 else min(size, left)
        parts = []
        while wanted > 0:
            number, skip = divmod(self._at, PIECE_BYTES)
            part = self._piece(number)[skip : skip + wanted]
            if not part:
                raise EOFError
            parts.append(part)
            self._at += len(part)
            wanted -= len(part)
        return b"".join(parts)

    def digest(self) -> str:
        """Return the SHA-256 of the archive, in hex."""
        found = sha256()
        self.seek(0)
        while part := self.read(PIECE_BYTES):
            found.update(part)
        return found.hexdigest()

    def _piece(self, number: int) -> bytes:
        if number not in self._open:
            while len(self._open) >= _KEPT_OPEN:
                del self._open[next(iter(self._open))]
            self._open[number] = self._opened(number)
        return self._open[number]

    def _opened(self, number: int) -> bytes:
        if self._db is None:
            raise ValueError("no session to read with")
        query = select(ImportPiece.key_id, ImportPiece.data).where(
            ImportPiece.run_id == self._run_id, ImportPiece.number == number
        )
        found = self._db.exec(query).first()
        if found is None:
            raise EOFError
        sealed = Sealed(*found)
        context = _context(self._run_id, number)
        return self._vault.open(sealed, purpose=PURPOSE, context=context)


def _context(run_id: uuid.UUID, number: int) -> str:
    return f"{run_id}/{number}"
