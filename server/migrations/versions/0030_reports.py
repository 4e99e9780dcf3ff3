"""The limit of the at-risk list, and prepared reports with their parts."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0030"
down_revision: str | None = "0029"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "at_risk_limits",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("least_lessons", sa.Integer(), nullable=False),
        sa.Column("changed_by", sa.String(80), nullable=False),
        _moment("changed_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_at_risk_limits")),
    )
    op.create_table(
        "prepared_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("course_ids", sa.JSON(), nullable=True),
        _moment("as_of"),
        sa.Column("done_through", sa.Date(), nullable=True),
        sa.Column("lessons", sa.Integer(), nullable=False),
        sa.Column("lessons_total", sa.Integer(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.Column("is_truncated", sa.Boolean(), nullable=False),
        sa.Column("key_id", sa.String(40), nullable=True),
        sa.Column("summary", sa.LargeBinary(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        _moment("created_at"),
        _moment("finished_at", nullable=True),
        _moment("expires_at"),
        sa.ForeignKeyConstraint(
            ["made_by"], ["accounts.id"], name=op.f("fk_prepared_reports_made_by_accounts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prepared_reports")),
    )
    for column in ("made_by", "expires_at"):
        op.create_index(op.f(f"ix_prepared_reports_{column}"), "prepared_reports", [column])
    op.create_table(
        "prepared_parts",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["prepared_reports.id"],
            name=op.f("fk_prepared_parts_report_id_prepared_reports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("report_id", "number", name=op.f("pk_prepared_parts")),
    )


def downgrade() -> None:
    for name in ("prepared_parts", "prepared_reports", "at_risk_limits"):
        op.drop_table(name)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, server.db.types.UTCDateTime(timezone=True), nullable=nullable)
