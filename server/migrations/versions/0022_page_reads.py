"""Count photos, consents and objections from indexes alone, without a look at the rows."""

import sqlalchemy as sa
from alembic import op

revision: str = "0022"
down_revision: str | None = "0021"
branch_labels: str | None = None
depends_on: str | None = None

_NOT_ME = "ix_attendance_events_not_me"
_IN_USE = ["model_id", "set_aside_reason", "checked_at"]
_SAID = ["decision", "withdrawn_at", "expires_on", "role", "given_by", "decided_at"]
#: Table, column that had an index, and what the new one holds beside it.
_WIDER = (
    ("templates", "person_id", ["enrolment_id", *_IN_USE]),
    ("templates", "enrolment_id", _IN_USE),
    ("enrolments", "person_id", ["created_at", "id"]),
    ("consents", "person_id", _SAID),
)


def upgrade() -> None:
    for table, column, beside in _WIDER:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
        op.create_index(f"ix_{table}_{column}", table, [column, *beside], unique=False)
    op.create_index("ix_templates_model_id", "templates", ["model_id", "person_id"], unique=False)
    only = sa.text("kind = 'not_me'")
    op.create_index(
        _NOT_ME,
        "attendance_events",
        ["counted_at", "method", "kiosk_id", "refers_to"],
        unique=False,
        sqlite_where=only,
        postgresql_where=only,
    )


def downgrade() -> None:
    op.drop_index(_NOT_ME, table_name="attendance_events")
    op.drop_index("ix_templates_model_id", table_name="templates")
    for table, column, _beside in _WIDER:
        op.drop_index(f"ix_{table}_{column}", table_name=table)
        op.create_index(f"ix_{table}_{column}", table, [column], unique=False)
