"""Who the reason of a correction may name, besides the person of its line."""

import uuid
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision: str = "0047"
down_revision: str | None = "0046"
branch_labels: str | None = None
depends_on: str | None = None

_REVIEWS = sa.table(
    "mark_reviews",
    sa.column("person_id", sa.Uuid()),
    sa.column("other_id", sa.Uuid()),
    sa.column("corrections", sa.JSON()),
)
_CORRECTIONS = sa.table(
    "attendance_corrections", sa.column("id", sa.Uuid()), sa.column("person_id", sa.Uuid())
)
_MENTIONS = sa.table(
    "correction_mentions", sa.column("correction_id", sa.Uuid()), sa.column("person_id", sa.Uuid())
)


def upgrade() -> None:
    op.create_table(
        "correction_mentions",
        sa.Column("correction_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["correction_id"],
            ["attendance_corrections.id"],
            name=op.f("fk_correction_mentions_correction_id_attendance_corrections"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
            name=op.f("fk_correction_mentions_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("correction_id", "person_id", name=op.f("pk_correction_mentions")),
    )
    op.create_index(op.f("ix_correction_mentions_person_id"), "correction_mentions", ["person_id"])
    rows = [{"correction_id": made, "person_id": one} for made, one in sorted(set(_mentions()))]
    if rows:
        op.get_bind().execute(sa.insert(_MENTIONS), rows)


def downgrade() -> None:
    op.drop_index(op.f("ix_correction_mentions_person_id"), table_name="correction_mentions")
    op.drop_table("correction_mentions")


def _mentions() -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
    """Yield the corrections of decisions about marks, with the other people of each."""
    bind = op.get_bind()
    for person_id, other_id, corrections in bind.execute(sa.select(*_REVIEWS.c)).all():
        for text in corrections or []:
            found = _CORRECTIONS.c.id == uuid.UUID(text)
            line = bind.execute(sa.select(_CORRECTIONS.c.person_id).where(found)).scalar()
            if line is not None:
                yield from (
                    (uuid.UUID(text), one)
                    for one in (person_id, other_id)
                    if one is not None and one != line
                )
