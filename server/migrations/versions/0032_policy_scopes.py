"""Say of each version of the policy whether it changed the school's, a room's or a course's."""

import sqlalchemy as sa
from alembic import op

revision: str = "0032"
down_revision: str | None = "0031"
branch_labels: str | None = None
depends_on: str | None = None

_TABLE = "policy_versions"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("scope", sa.String(8), nullable=False, server_default="school"))
    op.add_column(_TABLE, sa.Column("scope_id", sa.Uuid(), nullable=True))
    op.create_index("ix_policy_versions_scope_id", _TABLE, ["scope_id"])
    op.create_index("ix_policy_versions_dates", _TABLE, ["version", "created_at"])


def downgrade() -> None:
    op.drop_index("ix_policy_versions_dates", _TABLE)
    op.drop_index("ix_policy_versions_scope_id", _TABLE)
    op.drop_column(_TABLE, "scope_id")
    op.drop_column(_TABLE, "scope")
