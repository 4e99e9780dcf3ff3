"""Registers as PDF that a job prints for a prepared report; the reason of a mark review."""

import sqlalchemy as sa
from alembic import op

revision: str = "0043"
down_revision: str | None = "0042"
branch_labels: str | None = None
depends_on: str | None = None

_TABLE = "prepared_reports"
_FLAGS, _COUNTS = ("with_registers", "registers_cut"), ("registers", "registers_total")


def upgrade() -> None:
    for name in _FLAGS:
        flag: sa.Column[bool] = sa.Column(
            name, sa.Boolean(), nullable=False, server_default=sa.false()
        )
        op.add_column(_TABLE, flag)
    for name in _COUNTS:
        count: sa.Column[int] = sa.Column(name, sa.Integer(), nullable=False, server_default="0")
        op.add_column(_TABLE, count)
    reason: sa.Column[str] = sa.Column("reason", sa.String(500), nullable=False, server_default="")
    op.add_column("mark_reviews", reason)
    op.create_table(
        "prepared_prints",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(120), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"],
            ["courses.id"],
            name=op.f("fk_prepared_prints_course_id_courses"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["prepared_reports.id"],
            name=op.f("fk_prepared_prints_report_id_prepared_reports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("report_id", "number", name=op.f("pk_prepared_prints")),
    )


def downgrade() -> None:
    op.drop_table("prepared_prints")
    op.drop_column("mark_reviews", "reason")
    for name in (*_FLAGS, *_COUNTS):
        op.drop_column(_TABLE, name)
