"""Classes and groups of students, and the courses that take their students from them."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0037"
down_revision: str | None = "0036"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    op.create_table(
        "student_groups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("created_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_student_groups")),
        sa.UniqueConstraint("name", name=op.f("uq_student_groups_name")),
    )
    _create_stays("group_members", "person_id", "people")
    _create_stays("course_groups", "course_id", "courses")
    op.create_table(
        "group_entries",
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"],
            ["roster_entries.id"],
            name=op.f("fk_group_entries_entry_id_roster_entries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_group_entries")),
    )
    op.create_table(
        "group_exceptions",
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_group_exceptions_course_id_courses")
        ),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_group_exceptions_person_id_people")
        ),
        sa.PrimaryKeyConstraint("course_id", "person_id", name=op.f("pk_group_exceptions")),
    )
    op.create_index(op.f("ix_group_exceptions_person_id"), "group_exceptions", ["person_id"])


def downgrade() -> None:
    op.drop_table("group_exceptions")
    op.drop_table("group_entries")
    op.drop_table("course_groups")
    op.drop_table("group_members")
    op.drop_table("student_groups")


def _create_stays(table: str, column: str, target: str) -> None:
    """Create a table of what belongs to a group from one date to another."""
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column(column, sa.Uuid(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=False),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["student_groups.id"], name=op.f(f"fk_{table}_group_id_student_groups")
        ),
        sa.ForeignKeyConstraint(
            [column], [f"{target}.id"], name=op.f(f"fk_{table}_{column}_{target}")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    )
    op.create_index(op.f(f"ix_{table}_group_id"), table, ["group_id"])
    op.create_index(op.f(f"ix_{table}_{column}"), table, [column])
