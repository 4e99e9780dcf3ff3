"""Call a scheduled class a lesson, and the distance of a match a distance."""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0008"
down_revision: str | None = "0007"
branch_labels: str | None = None
depends_on: str | None = None

_COLUMNS = (
    ("attendance_events", "session_id", "lesson_id"),
    ("attendance_events", "score", "distance"),
    ("attendance_corrections", "session_id", "lesson_id"),
)


def upgrade() -> None:
    _move("class_sessions", "lessons", _create)
    for table, old, new in _COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    _reindex("session_id", "lesson_id")


def downgrade() -> None:
    _move("lessons", "class_sessions", _create)
    for table, old, new in _COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")
    _reindex("lesson_id", "session_id")


def _move(old: str, new: str, create: Callable[[str], None]) -> None:
    """Copy the rows into a table of the new name, and point corrections at it."""
    reference = "session_id" if old == "class_sessions" else "lesson_id"
    create(new)
    columns = "id, course_id, room_id, starts_at, ends_at, created_at"
    op.execute(f"INSERT INTO {new} ({columns}) SELECT {columns} FROM {old}")  # noqa: S608 - ours
    # The key is named after the column, which gets its new name only after this.
    target = "lesson_id" if reference == "session_id" else "session_id"
    with op.batch_alter_table("attendance_corrections") as table:
        table.drop_constraint(f"fk_attendance_corrections_{reference}_{old}", type_="foreignkey")
        table.create_foreign_key(
            f"fk_attendance_corrections_{target}_{new}",
            new,
            [reference],
            ["id"],
            ondelete="CASCADE",
        )
    op.drop_table(old)
    for columns_of_index in (("course_id",), ("room_id", "starts_at"), ("starts_at",)):
        op.create_index(f"ix_{new}_{'_'.join(columns_of_index)}", new, list(columns_of_index))


def _reindex(old: str, new: str) -> None:
    for table in ("attendance_events", "attendance_corrections"):
        op.drop_index(f"ix_{table}_{old}", table)
        op.create_index(f"ix_{table}_{new}", table, [new])


def _create(name: str) -> None:
    moment = server.db.types.UTCDateTime(timezone=True)
    op.create_table(
        name,
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", moment, nullable=False),
        sa.Column("ends_at", moment, nullable=False),
        sa.Column("created_at", moment, nullable=False),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=f"fk_{name}_course_id_courses", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["room_id"], ["rooms.id"], name=f"fk_{name}_room_id_rooms", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{name}"),
    )
