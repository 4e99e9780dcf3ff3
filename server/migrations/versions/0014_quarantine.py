"""Decisions about quarantined events, and what is known about a kiosk's clock."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0014"
down_revision: str | None = "0013"
branch_labels: str | None = None
depends_on: str | None = None

_MOMENT = server.db.types.UTCDateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("kiosks") as table:
        table.add_column(sa.Column("key_since", _MOMENT, nullable=True))
    # When a key was first claimed was not kept; no kiosk is older than its row.
    op.execute("UPDATE kiosks SET key_since = created_at WHERE signing_key IS NOT NULL")
    _quarantined_events()
    _attendance_events()
    op.create_table(
        "boot_clocks",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("boot_id", sa.String(length=64), nullable=False),
        sa.Column("uptime_s", sa.Float(), nullable=False),
        sa.Column("true_at", _MOMENT, nullable=False),
        sa.Column("basis", sa.String(length=80), nullable=False),
        sa.Column("learned_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id"], ["kiosks.id"], name=op.f("fk_boot_clocks_kiosk_id_kiosks")
        ),
        sa.PrimaryKeyConstraint("kiosk_id", "boot_id", name=op.f("pk_boot_clocks")),
    )


def downgrade() -> None:
    op.drop_table("boot_clocks")
    # An event without a number of its own has no place in the table as it was.
    op.execute("DELETE FROM attendance_events WHERE seq IS NULL")
    op.drop_index("ix_attendance_events_kiosk_id_not_before", "attendance_events")
    op.drop_index("ix_attendance_events_kiosk_id_boot_id", "attendance_events")
    with op.batch_alter_table("attendance_events") as table:
        table.alter_column("seq", existing_type=sa.BigInteger(), nullable=False)
        for name in ("accepted_by", "is_time_corrected", "not_before", "uptime_s", "boot_id"):
            table.drop_column(name)
    op.drop_index("ix_quarantined_events_kiosk_id_event_id", "quarantined_events")
    op.drop_index("ix_quarantined_events_decision_id", "quarantined_events")
    op.drop_index("ix_quarantined_events_due_at", "quarantined_events")
    with op.batch_alter_table("quarantined_events") as table:
        for name in ("decision_reason", "decided_at", "decided_by", "decision", "due_at"):
            table.drop_column(name)
    with op.batch_alter_table("kiosks") as table:
        table.drop_column("key_since")


def _quarantined_events() -> None:
    with op.batch_alter_table("quarantined_events") as table:
        table.add_column(sa.Column("due_at", _MOMENT, nullable=True))
        table.add_column(sa.Column("decision", sa.String(length=20), nullable=True))
        table.add_column(sa.Column("decided_by", sa.String(length=80), nullable=True))
        table.add_column(sa.Column("decided_at", _MOMENT, nullable=True))
        table.add_column(sa.Column("decision_reason", sa.String(length=500), nullable=True))
    # "Future" used to be final: each of these is judged again at the next start.
    op.execute(
        "UPDATE quarantined_events SET due_at = received_at"
        " WHERE reason = 'future' AND is_authentic"
    )
    op.create_index("ix_quarantined_events_due_at", "quarantined_events", ["due_at"])
    op.create_index("ix_quarantined_events_decision_id", "quarantined_events", ["decision", "id"])
    op.create_index(
        "ix_quarantined_events_kiosk_id_event_id", "quarantined_events", ["kiosk_id", "event_id"]
    )


def _attendance_events() -> None:
    with op.batch_alter_table("attendance_events") as table:
        table.alter_column("seq", existing_type=sa.BigInteger(), nullable=True)
        table.add_column(sa.Column("boot_id", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("uptime_s", sa.Float(), nullable=True))
        table.add_column(sa.Column("not_before", _MOMENT, nullable=True))
        table.add_column(
            sa.Column("is_time_corrected", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.add_column(sa.Column("accepted_by", sa.String(length=80), nullable=True))
    with op.batch_alter_table("attendance_events") as table:
        table.alter_column("is_time_corrected", server_default=None)
    is_postgres = op.get_bind().dialect.name == "postgresql"
    day_before = (
        "received_at - interval '1 day'"
        if is_postgres
        else "strftime('%Y-%m-%d %H:%M:%S.000000', received_at, '-1 day')"
    )
    # How much earlier a scan with an uncertain time may have been was not kept: a day. One that was
    # delivered later than that still counts when it says, unless its kiosk did not exist by then.
    op.execute(
        f"UPDATE attendance_events SET not_before = CASE WHEN counted_at < {day_before}"  # noqa: S608 - constants
        " AND counted_at >= (SELECT created_at FROM kiosks WHERE id = kiosk_id)"
        f" THEN counted_at ELSE {day_before} END WHERE clock_source = 'unsynced'"
    )
    op.create_index(
        "ix_attendance_events_kiosk_id_boot_id", "attendance_events", ["kiosk_id", "boot_id"]
    )
    op.create_index(
        "ix_attendance_events_kiosk_id_not_before", "attendance_events", ["kiosk_id", "not_before"]
    )
