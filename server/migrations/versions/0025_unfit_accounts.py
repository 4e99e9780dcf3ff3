"""Delete PIN, cards and link of accounts that may have none: they could come back with a role."""

import sqlalchemy as sa
from alembic import op

revision: str = "0025"
down_revision: str | None = "0024"
branch_labels: str | None = None
depends_on: str | None = None

_HELD = ("pins", "cards", "own_links", "held_pins")
_UNFIT = (
    "holder_kind = 'staff' AND holder_id NOT IN (SELECT id FROM accounts"
    " WHERE is_active AND role IN ('admin', 'office', 'teacher'))"
)


def upgrade() -> None:
    for table in _HELD:
        op.execute(sa.text(f"DELETE FROM {table} WHERE {_UNFIT}"))  # noqa: S608 - no input
    op.execute(sa.text("UPDATE credential_versions SET version = version + 1"))


def downgrade() -> None:
    """What was deleted stays so."""
