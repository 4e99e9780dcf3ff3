"""A sort key for each person, longer search texts, and student numbers in their compared form."""

import logging
import unicodedata
from typing import Any

import icu
import sqlalchemy as sa
from alembic import op

revision: str = "0017"
down_revision: str | None = "0016"
branch_labels: str | None = None
depends_on: str | None = None

_logger = logging.getLogger(__name__)


def upgrade() -> None:
    with op.batch_alter_table("people") as table:
        table.alter_column(
            "search_text", existing_type=sa.String(length=400), type_=sa.Text(), nullable=False
        )
        # The server makes the keys of everybody at its start: they depend on its settings.
        table.add_column(
            sa.Column("sort_key", sa.LargeBinary(), nullable=False, server_default=sa.text("''"))
        )
    with op.batch_alter_table("people") as table:
        table.alter_column("sort_key", existing_type=sa.LargeBinary(), server_default=None)
    op.create_index("ix_people_sort_key_id", "people", ["sort_key", "id"])
    op.create_table(
        "name_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("locale", sa.String(length=80), nullable=False),
        sa.Column("version", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_name_keys")),
    )
    _compare_numbers()


def downgrade() -> None:
    op.drop_table("name_keys")
    op.drop_index("ix_people_sort_key_id", "people")
    op.execute("UPDATE people SET search_text = SUBSTR(search_text, 1, 400)")
    with op.batch_alter_table("people") as table:
        table.drop_column("sort_key")
        table.alter_column(
            "search_text", existing_type=sa.Text(), type_=sa.String(length=400), nullable=False
        )


def _compare_numbers() -> None:
    """Write student numbers as they are compared from now on.

    A number that somebody has in this form already, or that would be empty, stays as it was typed.
    """
    connection = op.get_bind()
    people = sa.table("people", sa.column("id", sa.Uuid()), sa.column("student_number"))
    rows: list[Any] = list(connection.execute(sa.select(people).order_by(people.c.id)))
    taken = {number for _id, number in rows}
    for person_id, number in rows:
        compared = _compared(number)
        if compared == number:
            continue
        if compared in taken or not 0 < len(compared) <= 40:
            _logger.warning("student number kept as typed id=%s", person_id)
            continue
        taken.add(compared)
        change = sa.update(people).where(people.c.id == person_id)
        connection.execute(change.values(student_number=compared))


def _compared(number: str) -> str:
    plain = unicodedata.normalize("NFKC", number)
    seen = "".join(char for char in plain if not _is_ignorable(char))
    # What was removed may have kept a letter apart from its accent.
    return unicodedata.normalize("NFKC", seen).strip()


def _is_ignorable(char: str) -> bool:
    return bool(icu.Char.hasBinaryProperty(char, icu.UProperty.DEFAULT_IGNORABLE_CODE_POINT))
