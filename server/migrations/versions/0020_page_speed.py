"""Find the objections to an event, and count marks, without reading all events of a kiosk."""

from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | None = None
depends_on: str | None = None

_OBJECTIONS = "ix_attendance_events_kiosk_id_refers_to"
_TIMES = "ix_attendance_events_kiosk_id_counted_at"
_TABLE = "attendance_events"


def upgrade() -> None:
    op.create_index(_OBJECTIONS, _TABLE, ["kiosk_id", "refers_to"], unique=False)
    op.drop_index(_TIMES, table_name=_TABLE)
    wider = ["kiosk_id", "counted_at", "kind", "method", "person_id"]
    op.create_index(_TIMES, _TABLE, wider, unique=False)


def downgrade() -> None:
    op.drop_index(_TIMES, table_name=_TABLE)
    op.create_index(_TIMES, _TABLE, ["kiosk_id", "counted_at"], unique=False)
    op.drop_index(_OBJECTIONS, table_name=_TABLE)
