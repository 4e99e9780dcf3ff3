"""What became of backups, and below which change of a gallery a kiosk starts over."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0045"
down_revision: str | None = "0043"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "backup_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("file", sa.String(length=120), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("problem", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_runs")),
    )
    op.create_index(op.f("ix_backup_runs_at"), "backup_runs", ["at"])
    floor = sa.Column("gallery_floor", sa.BigInteger(), nullable=False, server_default="0")
    with op.batch_alter_table("kiosks") as kiosks:
        kiosks.add_column(floor)
    with op.batch_alter_table("kiosks") as kiosks:
        kiosks.alter_column("gallery_floor", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("kiosks") as kiosks:
        kiosks.drop_column("gallery_floor")
    op.drop_index(op.f("ix_backup_runs_at"), table_name="backup_runs")
    op.drop_table("backup_runs")
