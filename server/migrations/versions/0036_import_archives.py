"""Imports of archives: uploaded pieces, sealed; and the ids of OneRoster."""

import sqlalchemy as sa
from alembic import op

revision: str = "0036"
down_revision: str | None = "0034"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "import_pieces",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "number"),
    )
    op.create_table(
        "sourced_ids",
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("sourced_id", sa.String(length=255), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("course_id", sa.Uuid(), nullable=True),
        sa.Column("term_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["term_id"], ["terms.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("kind", "sourced_id"),
    )
    for column in ("person_id", "course_id", "term_id"):
        op.create_index(f"ix_sourced_ids_{column}", "sourced_ids", [column], unique=False)


def downgrade() -> None:
    """Forget imports of kinds that the older version does not know, with files and reports."""
    unknown = "kind IN ('photos', 'oneroster', 'timetable', 'accounts', 'groups')"
    for table in ("import_parts", "import_files"):  # migrations cascade nothing on SQLite
        runs = f"SELECT id FROM import_runs WHERE {unknown}"  # noqa: S608 - our own words
        op.execute(sa.text(f"DELETE FROM {table} WHERE run_id IN ({runs})"))  # noqa: S608
    op.execute(sa.text(f"DELETE FROM import_runs WHERE {unknown}"))  # noqa: S608
    op.drop_table("sourced_ids")
    op.drop_table("import_pieces")
