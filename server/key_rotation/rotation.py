"""Ask for a rotation, work on it, count what is left, and drop keys that nothing uses."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import and_, func, inspect, or_
from sqlmodel import Session, col, select

from server.audit.service import record
from server.backup.kept_keys import KeptKeys
from server.db.vault import Sealed, Vault
from server.enrollment.photo import digests_of
from server.enrollment.tables import Enrolment, EnrolmentPhoto
from server.errors import ConfigurationError, SealBrokenError
from server.jobs.service import enqueue
from server.key_rotation.sealed_values import SEALED_COLUMNS, SealedColumn

ROTATE = "rotate_keys"
SUBJECT = "keys"
Key = tuple[Any, ...]


def request(db: Session, *, actor: str) -> None:
    """Ask the job workers of the running server for a rotation to the active key."""
    record(db, actor=actor, action="key.rotate", subject=SUBJECT)
    enqueue(db, ROTATE, {}, subject=SUBJECT, actor=actor)


def usage(db: Session) -> Counter[str]:
    """Return how many encrypted values each key is needed for."""
    found: Counter[str] = Counter()
    for column in SEALED_COLUMNS:
        key = col(getattr(column.table, column.key_column))
        query = select(key, func.count()).where(key.is_not(None)).group_by(key)
        found.update(dict(db.exec(query).all()))
    return found


def left(db: Session, column: SealedColumn, active: str) -> Sequence[Key]:
    """Return the primary keys of the rows that another key than the active one sealed."""
    key = col(getattr(column.table, column.key_column))
    primary = [getattr(column.table, one.name) for one in inspect(column.table).primary_key]
    rows = db.exec(select(*primary).where(key.is_not(None), key != active)).all()
    return [tuple(row) if len(primary) > 1 else (row,) for row in rows]


def seal_anew(db: Session, vault: Vault, column: SealedColumn, keys: Sequence[Key]) -> int:
    """Seal some rows with the active key; returns how many could not be opened.

    Rows that another transaction holds are left out, so none waits for another while it holds a
    row: they come in the next round. What was sealed by the active key meanwhile stays.
    """
    if column.table is EnrolmentPhoto:  # its digest is in the enrolment, which is locked first
        keys = _with_enrolments(db, keys)
    unreadable = 0
    for row in _locked(db, column.table, keys):
        sealed = Sealed(getattr(row, column.key_column), getattr(row, column.data_column))
        if sealed.key_id in (None, vault.active_key_id):
            continue
        try:
            plain = vault.open(sealed, purpose=column.purpose, context=column.context(row))
        except SealBrokenError:
            unreadable += 1
            continue
        fresh = vault.seal(plain, purpose=column.purpose, context=column.context(row))
        setattr(row, column.key_column, fresh.key_id)
        setattr(row, column.data_column, fresh.data)
        if isinstance(row, EnrolmentPhoto):
            _renew_digest(db, vault, row, plain)
    return unreadable


def drop_unused(
    folder: Path, copies: KeptKeys, used: Mapping[str, int], active: str
) -> tuple[list[str], list[str]]:
    """Delete the files of keys that nothing needs; returns the ids of those and of the others."""
    dropped, needed = [], []
    for path in sorted(folder.glob("*.key")):
        if path.stem == active:
            continue
        if used.get(path.stem) or path.stem in copies.key_ids or copies.unreadable:
            needed.append(path.stem)
        else:
            path.unlink()
            dropped.append(path.stem)
    return dropped, needed


def note_dropped(db: Session, count: int, *, actor: str) -> None:
    """Write down that keys were deleted."""
    record(db, actor=actor, action="key.drop", subject=SUBJECT, details={"count": count})


def refuse_named_keys(is_named: object) -> None:
    """Refuse to make a key file where the keys come from a setting, which wins over files.

    Raises:
        ConfigurationError: the settings name the keys.
    """
    if is_named:
        raise ConfigurationError(
            "ROLLCALL_SERVER_MASTER_KEY names the keys. Put a new key before the old ones there,"
            " restart every server, then run `rollcall-server rotate-keys --named`."
        )


def _with_enrolments(db: Session, keys: Sequence[Key]) -> list[Key]:
    rows = _locked(db, Enrolment, keys)
    return [(row.id,) for row in rows]


def _locked(db: Session, table: type[Any], keys: Sequence[Key]) -> Sequence[Any]:
    primary = [getattr(table, one.name) for one in inspect(table).primary_key]
    mine = [and_(*(one == value for one, value in zip(primary, key, strict=True))) for key in keys]
    if not mine:
        return ()
    query = select(table).where(or_(*mine))
    return db.exec(query.with_for_update(skip_locked=True, key_share=True)).all()


def _renew_digest(db: Session, vault: Vault, row: EnrolmentPhoto, photo: bytes) -> None:
    """Recognise the same photo again, also when the old key is gone."""
    enrolment = db.get(Enrolment, row.enrolment_id)
    if enrolment is not None and enrolment.photo_digest is not None:
        digests = digests_of(vault, photo, enrolment.person_id)
        enrolment.photo_digest = digests[row.key_id]
