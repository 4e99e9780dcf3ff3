"""Entries of the audit trail by person, indices for its filters, and the check of its chain."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0018"
down_revision: str | None = "0017"
branch_labels: str | None = None
depends_on: str | None = None

_AT_A_TIME = 2000


def upgrade() -> None:
    moment = server.db.types.UTCDateTime(timezone=True)
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "audit_people",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("seq", number, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("person_id", "seq", name=op.f("pk_audit_people")),
    )
    op.create_table(
        "audit_checks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("checked", number, nullable=False),
        sa.Column("total", number, nullable=False),
        sa.Column("broken_at", number, nullable=True),
        sa.Column("asked_by", sa.String(length=80), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("good_seq", number, nullable=True),
        sa.Column("good_hash", sa.LargeBinary(length=32), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_checks")),
    )
    for name in ("actor", "action", "subject"):
        op.drop_index(op.f(f"ix_audit_entries_{name}"), table_name="audit_entries")
    op.create_index("ix_audit_entries_actor_seq", "audit_entries", ["actor", "seq"])
    op.create_index("ix_audit_entries_action_seq", "audit_entries", ["action", "seq"])
    _fill()


def downgrade() -> None:
    for name in ("actor", "action"):
        op.drop_index(f"ix_audit_entries_{name}_seq", table_name="audit_entries")
    for name in ("actor", "action", "subject"):
        op.create_index(op.f(f"ix_audit_entries_{name}"), "audit_entries", [name])
    op.drop_table("audit_checks")
    op.drop_table("audit_people")


def _fill() -> None:
    """Note the people of the entries there are; the entries themselves stay as they are."""
    bind = op.get_bind()
    people = sa.table("audit_people", sa.column("person_id", sa.Uuid()), sa.column("seq"))
    for rows in _pages(bind):
        found = [
            {"person_id": one, "seq": row.seq}
            for row in rows
            for one in _people(row.subject, row.details)
        ]
        if found:
            bind.execute(sa.insert(people), found)


def _pages(bind: sa.Connection) -> Iterator[list[Any]]:
    query = sa.text(
        "SELECT seq, subject, details FROM audit_entries WHERE seq > :seq ORDER BY seq LIMIT :most"
    )
    seq = 0
    while rows := list(bind.execute(query, {"seq": seq, "most": _AT_A_TIME})):
        yield rows
        seq = rows[-1].seq


def _people(subject: str, details: Any) -> set[uuid.UUID]:
    said = json.loads(details) if isinstance(details, str) else details
    kind, _, identity = subject.partition(":")
    found = set()
    for text in (identity if kind == "person" else None, said.get("person"), said.get("other")):
        try:
            found.add(uuid.UUID(str(text)))
        except ValueError:
            continue
    return found
