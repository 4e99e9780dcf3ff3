"""How much unsigned matter of each kiosk is in quarantine, and how much was not kept."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0049"
down_revision: str | None = "0048"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    at = server.db.types.UTCDateTime(timezone=True)
    op.create_table(
        "quarantine_tallies",
        sa.Column("kiosk_id", sa.String(length=64), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("held_bytes", sa.BigInteger(), nullable=False),
        sa.Column("dropped", sa.BigInteger(), nullable=False),
        sa.Column("dropped_at", at, nullable=True),
        sa.PrimaryKeyConstraint("kiosk_id", name=op.f("pk_quarantine_tallies")),
    )
    # Events that leap are signed, but their place in the chain does not count.
    op.execute(
        "INSERT INTO quarantine_tallies (kiosk_id, held, held_bytes, dropped)"
        " SELECT kiosk_id, count(*), sum(length(body)), 0 FROM quarantined_events"
        " WHERE NOT is_authentic AND reason <> 'leap' GROUP BY kiosk_id"
    )


def downgrade() -> None:
    op.drop_table("quarantine_tallies")
