"""Reports of kiosks' acceptance tests, and what their offline drills delivered."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0048"
down_revision: str | None = "0047"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    at = server.db.types.UTCDateTime(timezone=True)
    op.create_table(
        "commissioning_reports",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("room", sa.String(length=120), nullable=False),
        sa.Column("started_at", at, nullable=False),
        sa.Column("finished_at", at, nullable=False),
        sa.Column("received_at", at, nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("signing_key", sa.String(length=44), nullable=True),
        sa.ForeignKeyConstraint(
            ["kiosk_id"],
            ["kiosks.id"],
            name=op.f("fk_commissioning_reports_kiosk_id_kiosks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kiosk_id", "id", name=op.f("pk_commissioning_reports")),
    )
    op.create_index(
        "ix_commissioning_reports_kiosk_id_finished_at",
        "commissioning_reports",
        ["kiosk_id", "finished_at"],
    )
    op.create_table(
        "commissioning_drills",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", at, nullable=False),
        sa.Column("received_at", at, nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id"],
            ["kiosks.id"],
            name=op.f("fk_commissioning_drills_kiosk_id_kiosks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kiosk_id", "report_id", name=op.f("pk_commissioning_drills")),
    )


def downgrade() -> None:
    op.drop_table("commissioning_drills")
    op.drop_index(
        "ix_commissioning_reports_kiosk_id_finished_at", table_name="commissioning_reports"
    )
    op.drop_table("commissioning_reports")
