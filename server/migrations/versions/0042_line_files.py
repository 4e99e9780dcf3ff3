"""Files with lines of registers."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0042"
down_revision: str | None = "0040"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "line_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("added_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        _refers("lesson_id", "lessons"),
        _refers("person_id", "people"),
        _refers("added_by", "accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_files")),
    )
    op.create_index("ix_line_files_lesson_id_person_id", "line_files", ["lesson_id", "person_id"])
    for column in ("key_id", "person_id"):
        op.create_index(op.f(f"ix_line_files_{column}"), "line_files", [column])


def downgrade() -> None:
    op.drop_table("line_files")


def _refers(column: str, table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_line_files_{column}_{table}")
    return sa.ForeignKeyConstraint([column], [f"{table}.id"], name=name)
