"""How late a student came, where a file of past attendance says so."""

import sqlalchemy as sa
from alembic import op

revision: str = "0051"
down_revision: str | None = "0050"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    with op.batch_alter_table("attendance_corrections") as table:
        table.add_column(sa.Column("minutes_late", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("attendance_corrections") as table:
        table.drop_column("minutes_late")
