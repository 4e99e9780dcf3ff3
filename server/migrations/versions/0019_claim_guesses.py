"""Drop the failed claims by address: wrong codes are counted in memory, for all addresses."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0019"
down_revision: str | None = "0018"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.drop_table("claim_throttles")


def downgrade() -> None:
    op.create_table(
        "claim_throttles",
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("window_started_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_claim_throttles")),
    )
