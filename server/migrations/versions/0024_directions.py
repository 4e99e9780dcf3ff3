"""Keep whether a person came or left; events from before say neither."""

import sqlalchemy as sa
from alembic import op

revision: str = "0024"
down_revision: str | None = "0023"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.add_column("attendance_events", sa.Column("direction", sa.String(length=48), nullable=True))


def downgrade() -> None:
    op.drop_column("attendance_events", "direction")
