"""Remember what OneRoster bundles call people, courses and terms, so that they are found again."""

import uuid
from collections.abc import Collection, Mapping
from enum import StrEnum

from sqlmodel import Session, col, delete, select

from server.imports.tables import SourcedId


class SourcedKind(StrEnum):
    """Of what an id is."""

    PERSON = "person"
    COURSE = "course"
    TERM = "term"

    @property
    def column(self) -> str:
        """The column that holds what it leads to."""
        return f"{self}_id"


def find_sourced(
    db: Session, kind: SourcedKind, sourced_ids: Collection[str]
) -> dict[str, uuid.UUID]:
    """Return what these ids lead to, without those that lead nowhere yet."""
    query = select(SourcedId).where(
        SourcedId.kind == kind, col(SourcedId.sourced_id).in_(sourced_ids)
    )
    return {one.sourced_id: getattr(one, kind.column) for one in db.exec(query)}


def ids_of(
    db: Session, kind: SourcedKind, targets: Collection[uuid.UUID]
) -> dict[uuid.UUID, set[str]]:
    """Return all ids that lead to each of these."""
    column = col(getattr(SourcedId, kind.column))
    query = select(SourcedId.sourced_id, column).where(
        SourcedId.kind == kind, column.in_(list(targets))
    )
    found: dict[uuid.UUID, set[str]] = {}
    for sourced_id, target in db.exec(query):
        found.setdefault(target, set()).add(sourced_id)
    return found


def keep_sourced(db: Session, kind: SourcedKind, found: Mapping[str, uuid.UUID]) -> None:
    """Remember where ids lead; those that are known already stay as they are."""
    known = find_sourced(db, kind, found)
    for sourced_id, target in found.items():
        if sourced_id not in known:
            db.add(SourcedId(kind=kind, sourced_id=sourced_id, **{kind.column: target}))
    db.flush()


def forget_sourced(db: Session, person_id: uuid.UUID) -> None:
    """Delete the ids of a person."""
    db.exec(delete(SourcedId).where(col(SourcedId.person_id) == person_id))
