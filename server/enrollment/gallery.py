"""The log of gallery changes that kiosks follow, and the templates as numbers."""

import contextlib
import struct
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, and_, insert
from sqlmodel import Session, col, func, select

from server.changes.service import note_people
from server.db.lock import AUDIT_LOCK, GALLERY_LOCK, lock_until_commit
from server.db.types import new_id
from server.db.vault import Sealed, Vault
from server.enrollment.tables import ChangeKind, Enrolment, GalleryChange, Template
from server.errors import SealBrokenError
from server.ml.encoder import FaceTemplate

PURPOSE = "template"


def latest_seq(db: Session) -> int:
    """Number of the newest change; 0 where there is none."""
    return db.exec(select(func.max(col(GalleryChange.seq)))).one() or 0


def is_in_use(network: str | None = None) -> ColumnElement[bool]:
    """Which templates go to kiosks: compared with everybody else's, and not set aside.

    Of one network only, or of any.
    """
    ready = and_(col(Template.set_aside_reason).is_(None), col(Template.checked_at).is_not(None))
    return ready if network is None else and_(ready, col(Template.model_id) == network)


def log_change(db: Session, template: Template, kind: ChangeKind, at: datetime) -> None:
    """Append a change, in the caller's transaction."""
    log_changes(db, [(template.person_id, template.id)], kind, at)


def log_changes(
    db: Session,
    changed: Sequence[tuple[uuid.UUID, uuid.UUID]],
    kind: ChangeKind,
    at: datetime,
) -> None:
    """Append changes, in the caller's transaction.

    Writers take turns until their commits, so a reader never sees a number before a smaller one.
    They lock the audit trail first, then the gallery, then jobs, like everything that writes them.

    Args:
        db: the caller's.
        changed: person and template.
        kind: what happened to all of them.
        at: when, UTC.
    """
    lock_until_commit(db, AUDIT_LOCK)
    lock_until_commit(db, GALLERY_LOCK)
    db.flush()
    numbered = enumerate(changed, start=latest_seq(db) + 1)
    note_people(db, *(person_id for person_id, _template_id in changed))
    rows = [
        {"seq": seq, "person_id": person_id, "template_id": template_id, "kind": kind, "at": at}
        for seq, (person_id, template_id) in numbered
    ]
    if rows:
        db.execute(insert(GalleryChange), rows)


def seal_template(vault: Vault, template_id: uuid.UUID, embedding: tuple[float, ...]) -> Sealed:
    """Encrypt an embedding as float32, little-endian, bound to its row."""
    plain = struct.pack(f"<{len(embedding)}f", *embedding)
    return vault.seal(plain, purpose=PURPOSE, context=str(template_id))


def store_template(
    db: Session, vault: Vault, enrolment: Enrolment, made: FaceTemplate, at: datetime
) -> Template:
    """Keep one model's template of a photo, sealed. The caller logs the change."""
    template_id = new_id()
    sealed = seal_template(vault, template_id, made.embedding)
    template = Template(
        id=template_id,
        person_id=enrolment.person_id,
        enrolment_id=enrolment.id,
        model_id=made.model_id,
        dimension=len(made.embedding),
        key_id=sealed.key_id,
        data=sealed.data,
        created_at=at,
    )
    db.add(template)
    db.flush()
    return template


def open_readable(
    vault: Vault, templates: Iterable[Template]
) -> dict[uuid.UUID, tuple[float, ...]]:
    """Decrypt the templates that can be read, by id; the others are left out.

    The vault notes and logs those that it cannot read.
    """
    opened = {}
    for template in templates:
        with contextlib.suppress(SealBrokenError):
            opened[template.id] = open_template(vault, template)
    return opened


def open_template(vault: Vault, template: Template) -> tuple[float, ...]:
    """Decrypt a template into its `dimension` floats.

    Raises:
        SealBrokenError: the key is missing or the row was altered.
    """
    sealed = Sealed(template.key_id, template.data)
    plain = vault.open(sealed, purpose=PURPOSE, context=str(template.id))
    return struct.unpack(f"<{template.dimension}f", plain)
