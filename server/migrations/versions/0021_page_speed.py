"""Find the objections to an event without reading all events of its kiosk."""

from alembic import op

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | None = None
depends_on: str | None = None

_INDEX = "ix_attendance_events_kiosk_id_refers_to"


def upgrade() -> None:
    op.create_index(_INDEX, "attendance_events", ["kiosk_id", "refers_to"], unique=False)


def downgrade() -> None:
    op.drop_index(_INDEX, table_name="attendance_events")
