"""Status codes as data, actions over several lines, remarks, and confirmed registers.

Corrections from before have no code: they show the default code of their status.
"""

import uuid

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0026"
down_revision: str | None = "0025"
branch_labels: str | None = None
depends_on: str | None = None

_MOMENT = server.db.types.UTCDateTime(timezone=True)
#: Category, counts as attended, needs a reason, colour: in the order of taps.
_DEFAULTS = (
    ("present", True, False, "green"),
    ("absent", False, False, "red"),
    ("late", True, False, "amber"),
    ("excused", False, True, "grey"),
    ("left_early", True, True, "blue"),
)
_CORRECTIONS = "attendance_corrections"


def upgrade() -> None:
    _create_codes()
    op.create_table(
        "correction_batches",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("code_id", sa.Uuid(), nullable=True),
        sa.Column("undoes_id", sa.Uuid(), nullable=True),
        sa.Column("lines", sa.Integer(), nullable=False),
        *_made(),
        _refers("correction_batches", "lesson_id", "lessons"),
        _refers("correction_batches", "code_id", "status_codes"),
        _refers("correction_batches", "undoes_id", "correction_batches"),
        _refers("correction_batches", "made_by", "accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction_batches")),
        sa.UniqueConstraint("undoes_id", name=op.f("uq_correction_batches_undoes_id")),
    )
    op.create_index(op.f("ix_correction_batches_lesson_id"), "correction_batches", ["lesson_id"])
    _create_remarks()
    _create_confirmations()
    _change_corrections()


def downgrade() -> None:
    """Forget codes; what was undone has no status that the older version knows."""
    op.execute(sa.text(f"DELETE FROM {_CORRECTIONS} WHERE status IS NULL"))  # noqa: S608 - no input
    with op.batch_alter_table(_CORRECTIONS) as table:
        table.drop_index(op.f(f"ix_{_CORRECTIONS}_batch_id"))
        table.drop_constraint(op.f(f"fk_{_CORRECTIONS}_code_id_status_codes"), type_="foreignkey")
        table.drop_constraint(
            op.f(f"fk_{_CORRECTIONS}_batch_id_correction_batches"), type_="foreignkey"
        )
        table.drop_column("batch_id")
        table.drop_column("code_id")
        table.drop_column("is_attended")
        table.alter_column("status", existing_type=sa.String(length=20), nullable=False)
    for name in (
        "register_confirmations",
        "line_remarks",
        "correction_batches",
        "status_reasons",
        "status_codes",
    ):
        op.drop_table(name)


def _create_codes() -> None:
    codes = op.create_table(
        "status_codes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("letter", sa.String(length=3), nullable=False),
        sa.Column("category", sa.String(length=20), nullable=False),
        sa.Column("is_attended", sa.Boolean(), nullable=False),
        sa.Column("needs_reason", sa.Boolean(), nullable=False),
        sa.Column("colour", sa.String(length=20), nullable=False),
        sa.Column("statutory_code", sa.String(length=20), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("used_at", _MOMENT, nullable=True),
        sa.Column("retired_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_codes")),
    )
    op.create_table(
        "status_reasons",
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("position", name=op.f("pk_status_reasons")),
    )
    rows = [
        {
            "id": uuid.uuid5(uuid.NAMESPACE_OID, f"rollcall.status_codes.{category}"),
            "name": "",
            "letter": "",
            "category": category,
            "is_attended": is_attended,
            "needs_reason": needs_reason,
            "colour": colour,
            "statutory_code": "",
            "position": place,
            "is_default": True,
        }
        for place, (category, is_attended, needs_reason, colour) in enumerate(_DEFAULTS, start=1)
    ]
    op.bulk_insert(codes, rows)


def _create_remarks() -> None:
    op.create_table(
        "line_remarks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.String(length=500), nullable=False),
        *_made(),
        _refers("line_remarks", "lesson_id", "lessons"),
        _refers("line_remarks", "person_id", "people"),
        _refers("line_remarks", "made_by", "accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_line_remarks")),
    )
    op.create_index(op.f("ix_line_remarks_lesson_id"), "line_remarks", ["lesson_id"])
    op.create_index(op.f("ix_line_remarks_person_id"), "line_remarks", ["person_id"])


def _create_confirmations() -> None:
    op.create_table(
        "register_confirmations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("unseen", sa.JSON(), nullable=False),
        sa.Column("states", sa.JSON(), nullable=False),
        *_made(),
        _refers("register_confirmations", "lesson_id", "lessons"),
        _refers("register_confirmations", "made_by", "accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_confirmations")),
    )
    op.create_index(
        "ix_register_confirmations_lesson_id_made_at",
        "register_confirmations",
        ["lesson_id", "made_at"],
    )


def _change_corrections() -> None:
    with op.batch_alter_table(_CORRECTIONS) as table:
        table.alter_column("status", existing_type=sa.String(length=20), nullable=True)
        table.add_column(sa.Column("code_id", sa.Uuid(), nullable=True))
        table.add_column(sa.Column("is_attended", sa.Boolean(), nullable=True))
        table.add_column(sa.Column("batch_id", sa.Uuid(), nullable=True))
        table.create_foreign_key(
            op.f(f"fk_{_CORRECTIONS}_code_id_status_codes"), "status_codes", ["code_id"], ["id"]
        )
        table.create_foreign_key(
            op.f(f"fk_{_CORRECTIONS}_batch_id_correction_batches"),
            "correction_batches",
            ["batch_id"],
            ["id"],
        )
        table.create_index(op.f(f"ix_{_CORRECTIONS}_batch_id"), ["batch_id"])
    op.execute(
        sa.text(
            f"UPDATE {_CORRECTIONS} SET is_attended = (status IN ('present', 'late'))"  # noqa: S608
        )
    )
    with op.batch_alter_table(_CORRECTIONS) as table:
        table.alter_column("is_attended", existing_type=sa.Boolean(), nullable=False)


def _made() -> list[sa.Column[object]]:
    """Return the columns that say who made a row, and when."""
    return [
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
    ]


def _refers(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}_{other}")
    return sa.ForeignKeyConstraint([column], [f"{other}.id"], name=name)
