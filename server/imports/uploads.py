"""Take in archives: at once where they are small, or a piece after the other."""

import uuid
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from typing import BinaryIO, cast

from sqlmodel import Session, col, func, select

from server.db.engine import Database
from server.db.types import new_id, now
from server.db.vault import Vault
from server.errors import ConflictError, InvalidError, TooLargeError
from server.imports import service
from server.imports.bundles import read_bundle
from server.imports.kinds import ARCHIVES, Announced, KindName
from server.imports.pieces import (
    MOST_ARCHIVE_BYTES,
    PIECE_BYTES,
    SealedArchive,
    count_pieces,
    keep_piece,
)
from server.imports.service import note
from server.imports.sheets import UnreadableFileError
from server.imports.tables import ImportRun, ImportState
from server.imports.zips import open_zip

#: After this an archive is deleted, whatever became of it.
KEPT_ARCHIVE = timedelta(hours=24)
#: Archives that wait at a time, so that forgotten ones do not fill the disk.
MOST_WAITING = 2
#: Its rows are in memory together, as those of any file are.
MOST_BUNDLE_BYTES = 64 * 1024 * 1024
_MIB = 1024 * 1024


def announce(db: Session, given: Announced, *, actor: str) -> ImportRun:
    """Begin the upload of an archive; its pieces follow.

    Raises:
        InvalidError: this kind is no archive, or it is empty.
        TooLargeError: it is too large.
        ConflictError: other archives wait.
    """
    run = _new_run(db, given, ImportState.UPLOADING, actor)
    note(db, run, "import.announce", actor)
    return run


def take_piece(
    database: Database, vault: Vault, run_id: uuid.UUID, number: int, data: bytes, *, actor: str
) -> ImportRun:
    """Keep the next piece; the last one opens the archive. A piece may be sent again.

    Raises:
        NotFoundError: there is no such import.
        ConflictError: another piece is due.
        InvalidError: the piece has the wrong size.
        UnreadableFileError: the archive is not accepted; it is deleted.
    """
    with database.transaction() as db:
        run = service.find(db, run_id, lock=True)
        if run.state != ImportState.UPLOADING:
            return run
        received, wanted = count_pieces(db, run_id), pieces_of(run)
        if number > received or number >= wanted:
            raise ConflictError(f"Piece {received} is due.", problem="import_piece", due=received)
        if number == received:
            _refuse_size(run, number, data)
            keep_piece(db, vault, run_id, number, data)
            received += 1
    if received == wanted:
        return _finish(database, vault, run, actor)
    return run


def take_whole(
    database: Database, vault: Vault, given: Announced, data: bytes, *, actor: str
) -> ImportRun:
    """Take in an archive that fits into one request.

    Raises:
        UnreadableFileError: the archive is not accepted.
        ConflictError, InvalidError, TooLargeError: as for one that comes in pieces.
    """
    total = _count(BytesIO(data), given.kind)
    with database.transaction() as db:
        run = _new_run(db, given, ImportState.UPLOADED, actor)
        for number, start in enumerate(range(0, len(data), PIECE_BYTES)):
            keep_piece(db, vault, run.id, number, data[start : start + PIECE_BYTES])
        run.total, run.digest = total, sha256(data).hexdigest()
        db.add(run)
        service.note(db, run, "import.upload", actor)
        return run


def pieces_of(run: ImportRun) -> int:
    """Return how many pieces an archive has."""
    return -(-run.size_bytes // PIECE_BYTES)


def _new_run(db: Session, given: Announced, state: ImportState, actor: str) -> ImportRun:
    if given.kind not in ARCHIVES or given.size_bytes < 1:
        raise InvalidError("This is not an archive.", problem="import_no_archive")
    limit = MOST_BUNDLE_BYTES if given.kind == KindName.ONEROSTER else MOST_ARCHIVE_BYTES
    if given.size_bytes > limit:
        most = -(-limit // _MIB)
        raise TooLargeError(
            f"The archive is larger than {most} MB. Divide it into several, such as one for each"
            " year.",
            problem="import_archive_size",
            most=most,
        )
    _refuse_waiting(db)
    at = now()
    run = ImportRun(
        id=new_id(),
        kind=given.kind,
        state=state,
        file_name=service.plain_name(given.name),
        digest="",
        size_bytes=given.size_bytes,
        encoding="",
        separator="",
        sheet="",
        sheets=[],
        columns=[],
        mapping={},
        is_cut=False,
        total=0,
        created_by=actor,
        created_at=at,
        expires_at=at + KEPT_ARCHIVE,
    )
    db.add(run)
    db.flush()
    return run


def _refuse_waiting(db: Session) -> None:
    query = select(func.count()).where(
        col(ImportRun.kind).in_([one.value for one in ARCHIVES]),
        ImportRun.state != ImportState.DONE,
    )
    if db.exec(query).one() >= MOST_WAITING:
        raise ConflictError(
            f"{MOST_WAITING} archives wait already. Import or delete them first.",
            problem="import_archives",
            most=MOST_WAITING,
        )


def _refuse_size(run: ImportRun, number: int, data: bytes) -> None:
    wanted = min(PIECE_BYTES, run.size_bytes - number * PIECE_BYTES)
    if len(data) != wanted:
        raise InvalidError(
            f"Piece {number} must have {wanted} bytes.", problem="import_piece_size", wanted=wanted
        )


def _finish(database: Database, vault: Vault, run: ImportRun, actor: str) -> ImportRun:
    try:
        with database.reading() as db:
            total, digest = _looked_into(db, vault, run)
    except UnreadableFileError:
        with database.transaction() as db:
            service.remove(db, run.id, actor=actor)
        raise
    with database.transaction() as db:
        found = service.find(db, run.id, lock=True)
        if found.state == ImportState.UPLOADING:
            found.state, found.total, found.digest = ImportState.UPLOADED, total, digest
            db.add(found)
            service.note(db, found, "import.upload", actor)
        return found


def _looked_into(db: Session, vault: Vault, run: ImportRun) -> tuple[int, str]:
    archive = SealedArchive(vault, run.id, run.size_bytes)
    with archive.reading(db):
        return _count(cast("BinaryIO", archive), run.kind), archive.digest()


def _count(file: BinaryIO, kind: str) -> int:
    """Open an archive, and return how many files or rows it has."""
    if kind == KindName.ONEROSTER:
        rows = read_bundle(file).rows
        return len(rows.rows) + len(rows.wrong)
    return len(open_zip(file)[1])
