"""Attendance: events, quarantine, corrections."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

_TABLES = (
    "attendance_corrections",
    "quarantined_events",
    "attendance_events",
)


def upgrade() -> None:
    _attendance_events()
    _quarantined_events()
    _attendance_corrections()


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


def _attendance_events() -> None:
    op.create_table(
        "attendance_events",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("occurred_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("received_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("kind", sa.String(length=48), nullable=False),
        sa.Column("method", sa.String(length=48), nullable=False),
        sa.Column("refers_to", sa.Uuid(), nullable=True),
        sa.Column("clock_source", sa.String(length=48), nullable=False),
        sa.Column("score", sa.Float(), nullable=True),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("is_chain_torn", sa.Boolean(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id"], ["kiosks.id"], name=op.f("fk_attendance_events_kiosk_id_kiosks")
        ),
        sa.PrimaryKeyConstraint("kiosk_id", "id", name=op.f("pk_attendance_events")),
        sa.UniqueConstraint("kiosk_id", "seq", name=op.f("uq_attendance_events_kiosk_id_seq")),
    )
    op.create_index(
        "ix_attendance_events_kiosk_id_occurred_at",
        "attendance_events",
        ["kiosk_id", "occurred_at"],
    )
    op.create_index(op.f("ix_attendance_events_person_id"), "attendance_events", ["person_id"])
    op.create_index(op.f("ix_attendance_events_session_id"), "attendance_events", ["session_id"])


def _quarantined_events() -> None:
    op.create_table(
        "quarantined_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("event_id", sa.String(length=64), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=48), nullable=False),
        sa.Column("is_authentic", sa.Boolean(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=True),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("received_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined_events")),
        sa.UniqueConstraint(
            "kiosk_id", "body_hash", name=op.f("uq_quarantined_events_kiosk_id_body_hash")
        ),
    )
    op.create_index("ix_quarantined_events_kiosk_id_seq", "quarantined_events", ["kiosk_id", "seq"])


def _attendance_corrections() -> None:
    op.create_table(
        "attendance_corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["made_by"], ["accounts.id"], name=op.f("fk_attendance_corrections_made_by_accounts")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
            name=op.f("fk_attendance_corrections_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["session_id"],
            ["class_sessions.id"],
            name=op.f("fk_attendance_corrections_session_id_class_sessions"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attendance_corrections")),
    )
    op.create_index(
        op.f("ix_attendance_corrections_person_id"), "attendance_corrections", ["person_id"]
    )
    op.create_index(
        op.f("ix_attendance_corrections_session_id"), "attendance_corrections", ["session_id"]
    )
