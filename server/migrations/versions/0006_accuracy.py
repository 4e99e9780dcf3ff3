"""Measurements of the school's own operating point."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    moment = server.db.types.UTCDateTime(timezone=True)
    op.create_table(
        "accuracy_measurements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("requested_by", sa.String(length=80), nullable=False),
        sa.Column("requested_at", moment, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", moment, nullable=False),
        sa.Column("finished_at", moment, nullable=True),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_accuracy_measurements")),
    )
    op.create_index(
        op.f("ix_accuracy_measurements_model_id"), "accuracy_measurements", ["model_id"]
    )
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_accuracy_measurements_waiting",
        "accuracy_measurements",
        ["model_id"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def downgrade() -> None:
    op.drop_table("accuracy_measurements")
