"""Find the uses of an event's code by its id: registers read all uses of a year for each."""

from alembic import op

revision: str = "0023"
down_revision: str | None = "0022"
branch_labels: str | None = None
depends_on: str | None = None

_INDEX = "ix_code_uses_event_id"


def upgrade() -> None:
    op.create_index(_INDEX, "code_uses", ["event_id", "kiosk_id"], unique=False)


def downgrade() -> None:
    op.drop_index(_INDEX, table_name="code_uses")
