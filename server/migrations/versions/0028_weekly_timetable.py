"""Add holidays, weekly patterns with their lessons, and substitutes of single lessons."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0028"
down_revision: str | None = "0027"
branch_labels: str | None = None
depends_on: str | None = None

_TABLES = ("lesson_substitutes", "pattern_lessons", "lesson_patterns", "holidays")


def upgrade() -> None:
    _holidays()
    _patterns()
    _pattern_lessons()
    _substitutes()


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


def _holidays() -> None:
    op.create_table(
        "holidays",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holidays")),
    )
    op.create_index(op.f("ix_holidays_first_day"), "holidays", ["first_day"])


def _patterns() -> None:
    op.create_table(
        "lesson_patterns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("term_id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("ends", sa.Time(), nullable=False),
        sa.Column("weeks", sa.String(length=8), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("created_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{table}.id"], name=op.f(f"fk_lesson_patterns_{column}_{table}")
            )
            for column, table in (
                ("term_id", "terms"),
                ("course_id", "courses"),
                ("room_id", "rooms"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lesson_patterns")),
    )
    for column in ("term_id", "course_id", "room_id"):
        op.create_index(op.f(f"ix_lesson_patterns_{column}"), "lesson_patterns", [column])


def _pattern_lessons() -> None:
    op.create_table(
        "pattern_lessons",
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("pattern_id", sa.Uuid(), nullable=False),
        sa.Column("week", sa.Date(), nullable=False),
        sa.Column("is_changed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["lesson_id"], ["lessons.id"], name=op.f("fk_pattern_lessons_lesson_id_lessons")
        ),
        sa.ForeignKeyConstraint(
            ["pattern_id"],
            ["lesson_patterns.id"],
            name=op.f("fk_pattern_lessons_pattern_id_lesson_patterns"),
        ),
        sa.PrimaryKeyConstraint("lesson_id", name=op.f("pk_pattern_lessons")),
        sa.UniqueConstraint("pattern_id", "week", name=op.f("uq_pattern_lessons_pattern_id_week")),
    )
    op.create_index(op.f("ix_pattern_lessons_week"), "pattern_lessons", ["week"])


def _substitutes() -> None:
    op.create_table(
        "lesson_substitutes",
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("created_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["lesson_id"], ["lessons.id"], name=op.f("fk_lesson_substitutes_lesson_id_lessons")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.id"], name=op.f("fk_lesson_substitutes_account_id_accounts")
        ),
        sa.PrimaryKeyConstraint("lesson_id", name=op.f("pk_lesson_substitutes")),
    )
    op.create_index(op.f("ix_lesson_substitutes_account_id"), "lesson_substitutes", ["account_id"])
