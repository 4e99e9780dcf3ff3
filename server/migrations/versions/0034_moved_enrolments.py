"""Moves of enrolments, decisions about marks by face, and the margin of each recognition."""

from datetime import timedelta

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0034"
down_revision: str | None = "0033"
branch_labels: str | None = None
depends_on: str | None = None

_EVENTS = "attendance_events"
#: Older recognitions are asked about no more.
_ASKED = timedelta(days=30)


def upgrade() -> None:
    _moves()
    _reviews()
    _margins()


def downgrade() -> None:
    op.drop_index("ix_attendance_events_faces", _EVENTS)
    op.drop_column(_EVENTS, "margin")
    for name in ("reviewed_marks", "mark_reviews", "enrolment_moves"):
        op.drop_table(name)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, server.db.types.UTCDateTime(timezone=True), nullable=nullable)


def _refers(
    table: str, name: str, other: str, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    key = op.f(f"fk_{table}_{name}_{other}")
    return sa.ForeignKeyConstraint([name], [f"{other}.id"], name=key, ondelete=ondelete)


def _moves() -> None:
    table = "enrolment_moves"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=False),
        sa.Column("enrolments", sa.JSON(), nullable=False),
        _moment("used_since", nullable=True),
        _moment("asked_until"),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        _moment("made_at"),
        _refers(table, "from_id", "people", "CASCADE"),
        _refers(table, "to_id", "people", "CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    for name in ("from_id", "to_id"):
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name])


def _reviews() -> None:
    table = "mark_reviews"
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=True),
        sa.Column("answer", sa.String(length=10), nullable=False),
        sa.Column("other_id", sa.Uuid(), nullable=True),
        sa.Column("corrections", sa.JSON(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        _moment("made_at"),
        _refers(table, "person_id", "people", "CASCADE"),
        _refers(table, "lesson_id", "lessons", "SET NULL"),
        _refers(table, "other_id", "people", "CASCADE"),
        _refers(table, "made_by", "accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    for name in ("person_id", "lesson_id"):
        op.create_index(op.f(f"ix_{table}_{name}"), table, [name])
    marks = "reviewed_marks"
    op.create_table(
        marks,
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id", "event_id"],
            [f"{_EVENTS}.kiosk_id", f"{_EVENTS}.id"],
            name=op.f(f"fk_{marks}_kiosk_id_{_EVENTS}"),
            ondelete="CASCADE",
        ),
        _refers(marks, "review_id", table, "CASCADE"),
        sa.PrimaryKeyConstraint("kiosk_id", "event_id", name=op.f(f"pk_{marks}")),
    )
    op.create_index(op.f(f"ix_{marks}_review_id"), marks, ["review_id"])


def _margins() -> None:
    """Add the margin, and read it from the events that may still be asked about."""
    op.add_column(_EVENTS, sa.Column("margin", sa.Float(), nullable=True))
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    said = "json_extract(body, '$.margin')" if is_sqlite else "(body::json->>'margin')::float"
    events = sa.table(
        _EVENTS,
        sa.column("kind", sa.String()),
        sa.column("method", sa.String()),
        sa.column("counted_at", server.db.types.UTCDateTime(timezone=True)),
        sa.column("margin", sa.Float()),
    )
    is_face = sa.and_(
        events.c.kind == "seen",
        events.c.method == "face",
        events.c.counted_at >= server.db.types.now() - _ASKED,
    )
    op.execute(sa.update(events).where(is_face).values(margin=sa.literal_column(said)))
    where = sa.text("kind = 'seen' AND method = 'face'")
    op.create_index(
        "ix_attendance_events_faces",
        _EVENTS,
        ["counted_at", "margin", "person_id"],
        sqlite_where=where,
        postgresql_where=where,
    )
