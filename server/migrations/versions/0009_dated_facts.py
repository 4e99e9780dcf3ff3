"""Dated facts: placements, teachers, terms, cancellations, closures, and what a lesson keeps.

Registers of the past stay as the rules now say: every existing roster entry counts for all its
dates, and every lesson is judged by the policy that was in force when it started.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import context, op

import server.db.types

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | None = None
depends_on: str | None = None

_MOMENT = server.db.types.UTCDateTime(timezone=True)
#: The defaults as they were when this revision landed; version 0 judges lessons before version 1.
_FIRST_POLICY = {
    "recognition": {
        "roster_fpir": 1e-4,
        "wide_fpir": 1e-5,
        "fixed_distance": None,
        "limit_ceiling": None,
        "minimum_margin": 0.04,
        "frames_to_agree": 3,
    },
    "attendance": {
        "opens_before_min": 15,
        "late_after_min": 5,
        "closes_after_start_min": None,
        "absent_grace_min": 10,
        "duplicate_window_s": 300,
    },
    "kiosk": {
        "liveness": "off",
        "gallery": "room",
        "fallbacks": [],
        "language": "en",
        "not_me_s": 5.0,
    },
    "enrolment": {"keep_photos": True, "photos_wanted": 3, "renew_after_days": 365},
}
_NEW_TABLES = (
    "rejudgements",
    "past_changes",
    "watermark_closures",
    "kiosk_placements",
    "terms",
    "course_teachers",
    "lesson_cancellations",
)
#: Rows of the record no longer go when what they refer to goes: table, column, target.
_REFERENCES = (
    ("lessons", "course_id", "courses"),
    ("lessons", "room_id", "rooms"),
    ("roster_entries", "course_id", "courses"),
    ("roster_entries", "person_id", "people"),
    ("attendance_corrections", "lesson_id", "lessons"),
    ("attendance_corrections", "person_id", "people"),
)


def upgrade() -> None:
    _keep_first_policy()
    _lessons()
    _set_references(None)
    with op.batch_alter_table("roster_entries") as table:
        table.add_column(sa.Column("counts_after", _MOMENT, nullable=True))
    with op.batch_alter_table("people") as table:
        table.add_column(sa.Column("erased_at", _MOMENT, nullable=True))
    _events()
    _timetable_tables()
    _kiosk_tables()
    _rejudgements()
    _place_claimed_kiosks()


def downgrade() -> None:
    for name in _NEW_TABLES:
        op.drop_table(name)
    op.drop_index("ix_attendance_events_kiosk_id_counted_at", "attendance_events")
    with op.batch_alter_table("attendance_events") as table:
        table.drop_column("counted_at")
        table.drop_column("shown_status")
    op.create_index(
        "ix_attendance_events_kiosk_id_occurred_at",
        "attendance_events",
        ["kiosk_id", "occurred_at"],
    )
    for name, column in (
        ("people", "erased_at"),
        ("roster_entries", "counts_after"),
        ("lessons", "time_zone"),
    ):
        with op.batch_alter_table(name) as table:
            table.drop_column(column)
    _set_references("CASCADE")
    op.execute("DELETE FROM policy_versions WHERE version = 0")


def _keep_first_policy() -> None:
    versions = sa.table(
        "policy_versions",
        sa.column("version", sa.Integer),
        sa.column("document", sa.JSON),
        sa.column("created_by", sa.String),
        sa.column("created_at", _MOMENT),
    )
    op.get_bind().execute(
        versions.insert().values(
            version=0,
            document=_FIRST_POLICY,
            created_by="system",
            created_at=datetime(1970, 1, 1, tzinfo=UTC),
        )
    )


def _lessons() -> None:
    zone = context.config.attributes.get("time_zone", "UTC")
    with op.batch_alter_table("lessons") as table:
        table.add_column(
            sa.Column("time_zone", sa.String(length=64), nullable=False, server_default=zone)
        )
    with op.batch_alter_table("lessons") as table:
        table.alter_column("time_zone", server_default=None)


def _set_references(on_delete: str | None) -> None:
    for name in dict.fromkeys(table for table, _column, _target in _REFERENCES):
        with op.batch_alter_table(name) as batch:
            for table, column, target in _REFERENCES:
                if table != name:
                    continue
                key = f"fk_{table}_{column}_{target}"
                batch.drop_constraint(key, type_="foreignkey")
                batch.create_foreign_key(key, target, [column], ["id"], ondelete=on_delete)


def _events() -> None:
    op.drop_index("ix_attendance_events_kiosk_id_occurred_at", "attendance_events")
    with op.batch_alter_table("attendance_events") as table:
        table.add_column(sa.Column("counted_at", _MOMENT, nullable=True))
        table.add_column(sa.Column("shown_status", sa.String(length=48), nullable=True))
    op.execute("UPDATE attendance_events SET counted_at = occurred_at")
    with op.batch_alter_table("attendance_events") as table:
        table.alter_column("counted_at", existing_type=_MOMENT, nullable=False)
    op.create_index(
        "ix_attendance_events_kiosk_id_counted_at", "attendance_events", ["kiosk_id", "counted_at"]
    )


def _timetable_tables() -> None:
    op.create_table(
        "lesson_cancellations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("cancelled_by", sa.String(length=80), nullable=False),
        sa.Column("cancelled_at", _MOMENT, nullable=False),
        sa.Column("restored_by", sa.String(length=80), nullable=True),
        sa.Column("restored_at", _MOMENT, nullable=True),
        sa.Column("restore_reason", sa.String(length=500), nullable=True),
        *_keys("lesson_cancellations", [("lesson_id", "lessons")]),
    )
    op.create_table(
        "course_teachers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("course_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("from_date", sa.Date(), nullable=True),
        sa.Column("until_date", sa.Date(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        *_keys("course_teachers", [("course_id", "courses"), ("account_id", "accounts")]),
    )
    op.create_table(
        "terms",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_terms"),
        sa.UniqueConstraint("name", name="uq_terms_name"),
    )
    for table, column in (
        ("lesson_cancellations", "lesson_id"),
        ("course_teachers", "course_id"),
        ("course_teachers", "account_id"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])


def _kiosk_tables() -> None:
    op.create_table(
        "kiosk_placements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", _MOMENT, nullable=False),
        sa.Column("until_at", _MOMENT, nullable=True),
        sa.Column("opened_by", sa.String(length=80), nullable=False),
        sa.Column("closed_by", sa.String(length=80), nullable=True),
        sa.Column("device_left", sa.Boolean(), nullable=False),
        sa.Column("reported_through", _MOMENT, nullable=True),
        *_keys("kiosk_placements", [("kiosk_id", "kiosks"), ("room_id", "rooms")]),
    )
    op.create_index("ix_kiosk_placements_kiosk_id", "kiosk_placements", ["kiosk_id"])
    op.create_index(
        "ix_kiosk_placements_room_id_from_at", "kiosk_placements", ["room_id", "from_at"]
    )
    op.create_table(
        "watermark_closures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("from_at", _MOMENT, nullable=False),
        sa.Column("through_at", _MOMENT, nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("closed_by", sa.String(length=80), nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=False),
        *_keys("watermark_closures", [("kiosk_id", "kiosks")]),
    )
    op.create_index("ix_watermark_closures_kiosk_id", "watermark_closures", ["kiosk_id"])


def _rejudgements() -> None:
    op.create_table(
        "past_changes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("document", sa.JSON(), nullable=False),
        sa.Column("lines_changed", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("made_by", sa.String(length=80), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_past_changes"),
    )
    op.create_table(
        "rejudgements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lesson_id", sa.Uuid(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.Column("change_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["policy_version"],
            ["policy_versions.version"],
            name="fk_rejudgements_policy_version_policy_versions",
        ),
        *_keys("rejudgements", [("lesson_id", "lessons"), ("change_id", "past_changes")]),
    )
    op.create_index("ix_rejudgements_lesson_id", "rejudgements", ["lesson_id"])


def _keys(table: str, references: Iterable[tuple[str, str]]) -> list[sa.Constraint]:
    return [
        *(
            sa.ForeignKeyConstraint(
                [column], [f"{target}.id"], name=f"fk_{table}_{column}_{target}"
            )
            for column, target in references
        ),
        sa.PrimaryKeyConstraint("id", name=f"pk_{table}"),
    ]


def _place_claimed_kiosks() -> None:
    """Open a placement for each claimed kiosk, from its first event on if that came earlier.

    A claim overwrote the moment of the one before, so the first event received is the better
    witness of how long the kiosk has hung there.
    """
    bind = op.get_bind()
    kiosks = sa.table(
        "kiosks",
        sa.column("id", sa.Uuid),
        sa.column("room_id", sa.Uuid),
        sa.column("claimed_at", _MOMENT),
        sa.column("revoked_at", _MOMENT),
    )
    events = sa.table(
        "attendance_events", sa.column("kiosk_id", sa.Uuid), sa.column("received_at", _MOMENT)
    )
    placements = sa.table(
        "kiosk_placements",
        sa.column("id", sa.Uuid),
        sa.column("kiosk_id", sa.Uuid),
        sa.column("room_id", sa.Uuid),
        sa.column("from_at", _MOMENT),
        sa.column("until_at", _MOMENT),
        sa.column("opened_by", sa.String),
        sa.column("closed_by", sa.String),
        sa.column("device_left", sa.Boolean),
    )
    first = dict(
        bind.execute(
            sa.select(events.c.kiosk_id, sa.func.min(events.c.received_at, type_=_MOMENT)).group_by(
                events.c.kiosk_id
            )
        ).all()
    )
    for kiosk in bind.execute(sa.select(kiosks).where(kiosks.c.claimed_at.is_not(None))).all():
        row = {
            "id": uuid.uuid4(),
            "kiosk_id": kiosk.id,
            "room_id": kiosk.room_id,
            "from_at": min(kiosk.claimed_at, first.get(kiosk.id, kiosk.claimed_at)),
            "until_at": kiosk.revoked_at,
            "opened_by": "system",
            "closed_by": "system" if kiosk.revoked_at else None,
            "device_left": False,
        }
        bind.execute(placements.insert().values(**row))
