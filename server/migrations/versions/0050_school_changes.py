"""A log of what changed in the school, so that only the kiosks are looked at that it concerns."""

import sqlalchemy as sa
from alembic import op

revision: str = "0050"
down_revision: str | None = "0049"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "school_changes",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("thing", sa.String(length=12), nullable=False),
        sa.Column("thing_id", sa.Uuid(), nullable=True),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_school_changes")),
    )


def downgrade() -> None:
    op.drop_table("school_changes")
