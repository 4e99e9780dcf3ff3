"""Add what later edits of 0001, 0003 and 0006 expect, where an older installation lacks it.

Those three files were edited after they had landed, so a database that had run them before says it
is up to date and misses columns. This revision looks first and adds only what is not there.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0007"
down_revision: str | None = "0006"
branch_labels: str | None = None
depends_on: str | None = None

_TABLE = "accuracy_measurements"
_WAITING_INDEX = "ix_accuracy_measurements_waiting"


def upgrade() -> None:
    _add_missing("enrolments", sa.Column("advice", sa.JSON(), nullable=False), "'[]'")
    for name in ("refused", "torn"):
        _add_missing("kiosk_progress", sa.Column(name, sa.Integer(), nullable=False), "0")
    _one_waiting_measurement_per_model()


def downgrade() -> None:
    """Nothing: revision 0006 as it stands today has all of this."""


def _add_missing(table: str, column: sa.Column[object], default: str) -> None:
    present = {found["name"] for found in sa.inspect(op.get_bind()).get_columns(table)}
    if column.name in present:
        return
    column.server_default = sa.DefaultClause(sa.text(default))
    with op.batch_alter_table(table) as batch:
        batch.add_column(column)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column.name, server_default=None)


def _one_waiting_measurement_per_model() -> None:
    present = {index["name"] for index in sa.inspect(op.get_bind()).get_indexes(_TABLE)}
    if _WAITING_INDEX in present:
        return
    # Repeated requests for one model ask the same question; the newest one stays.
    op.execute(
        "DELETE FROM accuracy_measurements WHERE status = 'waiting' AND EXISTS"
        " (SELECT 1 FROM accuracy_measurements AS newer WHERE newer.status = 'waiting'"
        " AND newer.model_id = accuracy_measurements.model_id"
        " AND newer.id > accuracy_measurements.id)"
    )
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        _WAITING_INDEX,
        _TABLE,
        ["model_id"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )
