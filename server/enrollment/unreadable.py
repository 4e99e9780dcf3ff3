"""Count what cannot be decrypted, for the admin: rows under a missing key, and damaged rows."""

import uuid
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

from sqlmodel import Session, col, func, select

from server.absences.attachments import PURPOSE as FILE_PURPOSE
from server.absences.attachments import counts_by_key as files_by_key
from server.absences.tables import AbsenceAttachment
from server.db.vault import Vault
from server.enrollment.gallery import PURPOSE
from server.enrollment.photo import PHOTO_PURPOSE
from server.enrollment.tables import EnrolmentPhoto, Template
from server.line_files.service import PURPOSE as LINE_FILE_PURPOSE
from server.line_files.service import counts_by_key as line_files_by_key
from server.line_files.tables import LineFile
from server.networks.scans import SCAN_PURPOSE, counts_by_key
from server.networks.tables import WaitingScan

What = Literal["templates", "photos", "files", "kiosks"]

_Sealed = type[Template | WaitingScan | EnrolmentPhoto | AbsenceAttachment | LineFile]
_TABLES: dict[str, tuple[_Sealed, What]] = {
    PURPOSE: (Template, "templates"),
    SCAN_PURPOSE: (WaitingScan, "templates"),
    PHOTO_PURPOSE: (EnrolmentPhoto, "photos"),
    FILE_PURPOSE: (AbsenceAttachment, "files"),
    LINE_FILE_PURPOSE: (LineFile, "files"),
}


@dataclass(frozen=True)
class Unreadable:
    """Rows of one kind that cannot be read for one reason.

    Attributes:
        what: which rows.
        count: how many, at least 1.
        key_id: the key that is missing; None: the key is there, the rows are damaged.
    """

    what: What
    count: int
    key_id: str | None


def inventory(db: Session, vault: Vault, kiosk_purposes: Container[str]) -> tuple[Unreadable, ...]:
    """Count the rows under missing keys, and the damaged ones that were met so far.

    Args:
        db: for reading.
        vault: knows the keys, and what it could not open.
        kiosk_purposes: what the secrets of kiosks are sealed for.
    """
    found = []
    templates = select(Template.key_id, func.count()).group_by(col(Template.key_id))
    photos = select(EnrolmentPhoto.key_id, func.count()).group_by(col(EnrolmentPhoto.key_id))
    sealed: tuple[tuple[What, dict[str, int]], ...] = (
        ("templates", Counter(dict(db.exec(templates).all())) + Counter(counts_by_key(db))),
        ("photos", dict(db.exec(photos).all())),
        ("files", Counter(files_by_key(db)) + Counter(line_files_by_key(db))),
    )
    for what, by_key in sealed:
        found += [
            Unreadable(what, count, key_id)
            for key_id, count in sorted(by_key.items())
            if not vault.has_key(key_id)
        ]
    return (*found, *_damaged(db, vault), *_kiosks(vault, kiosk_purposes))


def _damaged(db: Session, vault: Vault) -> list[Unreadable]:
    counts: Counter[What] = Counter()
    for (purpose, context), key_id in vault.unreadable().items():
        if not vault.has_key(key_id):
            continue
        if purpose not in _TABLES:
            continue
        table, what = _TABLES[purpose]
        if db.get(table, uuid.UUID(context)) is not None:
            counts[what] += 1
    return [Unreadable(what, count, None) for what, count in sorted(counts.items())]


def _kiosks(vault: Vault, purposes: Container[str]) -> list[Unreadable]:
    """Kiosks with a secret that could not be read when it was needed."""
    found: dict[str | None, set[str]] = {}
    for (purpose, context), key_id in vault.unreadable().items():
        if purpose in purposes:
            found.setdefault(None if vault.has_key(key_id) else key_id, set()).add(context)
    return [Unreadable("kiosks", len(kiosks), key_id) for key_id, kiosks in found.items()]
