"""The school's network, templates from scans that wait, and where an enrolment comes from.

A school that has templates uses the network that most of its people have templates of.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0011"
down_revision: str | None = "0010"
branch_labels: str | None = None
depends_on: str | None = None

_MOMENT = server.db.types.UTCDateTime(timezone=True)


def upgrade() -> None:
    _create_network()
    _create_scans()
    with op.batch_alter_table("enrolments") as table:
        table.add_column(sa.Column("source", sa.String(10), nullable=False, server_default="photo"))
    with op.batch_alter_table("enrolments") as table:
        table.alter_column("source", server_default=None)


def downgrade() -> None:
    # Older code looks for a photo behind every enrolment.
    op.execute(
        "DELETE FROM templates WHERE enrolment_id IN"
        " (SELECT id FROM enrolments WHERE source = 'scan')"
    )
    op.execute("DELETE FROM enrolments WHERE source = 'scan'")
    op.execute("DELETE FROM jobs WHERE kind = 'confirm_scans'")
    op.drop_column("enrolments", "source")
    op.drop_table("waiting_scans")
    op.drop_table("school_network")


def _create_network() -> None:
    table = op.create_table(
        "school_network",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("current", sa.String(80), nullable=True),
        sa.Column("chosen_by", sa.String(80), nullable=True),
        sa.Column("chosen_at", _MOMENT, nullable=True),
        sa.Column("next", sa.String(80), nullable=True),
        sa.Column("started_by", sa.String(80), nullable=True),
        sa.Column("started_at", _MOMENT, nullable=True),
        sa.Column("collects_scans", sa.Boolean, nullable=False),
        sa.Column("coverage_wanted", sa.Float, nullable=False),
    )
    current = _commonest_network()
    row: dict[str, Any] = {"id": 1, "current": current, "chosen_by": None}
    row["chosen_by"] = "system" if current else None
    op.bulk_insert(table, [row | {"collects_scans": False, "coverage_wanted": 0.95}])


def _commonest_network() -> str | None:
    """The network that most people have templates of; the first by name where two are equal."""
    templates = sa.table("templates", sa.column("model_id"), sa.column("person_id"))
    people = sa.func.count(sa.distinct(templates.c.person_id))
    query = sa.select(templates.c.model_id).group_by(templates.c.model_id)
    found = op.get_bind().execute(query.order_by(people.desc(), templates.c.model_id).limit(1))
    return found.scalar()


def _create_scans() -> None:
    op.create_table(
        "waiting_scans",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("person_id", sa.Uuid, nullable=False),
        sa.Column("kiosk_id", sa.Uuid, nullable=False),
        sa.Column("event_id", sa.Uuid, nullable=False),
        sa.Column("model_id", sa.String(80), nullable=False),
        sa.Column("dimension", sa.Integer, nullable=False),
        sa.Column("key_id", sa.String(40), nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("frames", sa.Integer, nullable=False),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("captured_at", _MOMENT, nullable=False),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["kiosk_id"], ["kiosks.id"]),
    )
    op.create_index("ix_waiting_scans_person_id", "waiting_scans", ["person_id"])
    op.create_index("ix_waiting_scans_key_id", "waiting_scans", ["key_id"])
    op.create_index("ix_waiting_scans_kiosk_id_event_id", "waiting_scans", ["kiosk_id", "event_id"])
