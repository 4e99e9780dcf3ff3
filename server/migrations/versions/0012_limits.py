"""Year of birth of a person, limits that the school's own measurements give, what was measured."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0012"
down_revision: str | None = "0011"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    with op.batch_alter_table("people") as table:
        table.add_column(sa.Column("year_of_birth", sa.Integer(), nullable=True))
    with op.batch_alter_table("accuracy_measurements") as table:
        table.add_column(sa.Column("measured_of", sa.String(length=64), nullable=True))
    moment = server.db.types.UTCDateTime(timezone=True)
    op.create_table(
        "school_limits",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("distance", sa.Float(), nullable=False),
        sa.Column("card_limit", sa.Float(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("minors", sa.Integer(), nullable=False),
        sa.Column("raised_share", sa.Float(), nullable=False),
        sa.Column("measured_at", moment, nullable=False),
        sa.Column("decided_by", sa.String(length=80), nullable=True),
        sa.Column("decided_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_school_limits")),
        sa.UniqueConstraint("model_id", "state", name=op.f("uq_school_limits_model_id_state")),
    )


def downgrade() -> None:
    op.drop_table("school_limits")
    with op.batch_alter_table("accuracy_measurements") as table:
        table.drop_column("measured_of")
    with op.batch_alter_table("people") as table:
        table.drop_column("year_of_birth")
