"""One job queue: photos, checks, backfill and measurements that wait move into `jobs`.

Templates that kiosks may hold already count as checked.
"""

import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0010"
down_revision: str | None = "0009"
branch_labels: str | None = None
depends_on: str | None = None

_MOMENT = server.db.types.UTCDateTime(timezone=True)
_ENROLMENT_COLUMNS = (
    "is_waiting_for_service",
    "attempts",
    "not_before",
    "lease_until",
    "lease_owner",
)


def upgrade() -> None:
    _create_jobs()
    _move_photos()
    _move_checks()
    _move_missing()
    _move_measurements()
    with op.batch_alter_table("templates") as table:
        table.add_column(sa.Column("checked_at", _MOMENT, nullable=True))
    op.execute("UPDATE templates SET checked_at = created_at")
    op.create_index("ix_templates_key_id", "templates", ["key_id"])
    op.create_index("ix_templates_checked_at", "templates", ["checked_at"])
    op.create_index("ix_enrolment_photos_key_id", "enrolment_photos", ["key_id"])
    with op.batch_alter_table("gallery_entries") as table:
        table.add_column(
            sa.Column("is_held_back", sa.Boolean, nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("gallery_entries") as table:
        table.alter_column("is_held_back", server_default=None)


def downgrade() -> None:
    op.drop_index("ix_enrolment_photos_key_id", "enrolment_photos")
    op.drop_index("ix_templates_checked_at", "templates")
    op.drop_index("ix_templates_key_id", "templates")
    op.drop_column("gallery_entries", "is_held_back")
    op.drop_column("templates", "checked_at")
    _restore_columns()
    _restore_checks()
    _restore_measurements()
    op.drop_table("jobs")


def _create_jobs() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("key", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(60), nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("not_before", _MOMENT, nullable=False),
        sa.Column("lease_owner", sa.String(64), nullable=True),
        sa.Column("lease_until", _MOMENT, nullable=True),
        sa.Column("last_reason", sa.String(60), nullable=True),
        sa.Column("parked_under", sa.String(300), nullable=True),
        sa.Column("correlation_id", sa.String(64), nullable=False),
        sa.Column("created_by", sa.String(80), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.UniqueConstraint("kind", "key"),
    )
    op.create_index("ix_jobs_subject", "jobs", ["subject"])
    op.create_index("ix_jobs_state_kind_not_before", "jobs", ["state", "kind", "not_before"])


def _move_photos() -> None:
    enrolments = _table("enrolments", "id", "person_id", "status", "correlation_id", "created_by")
    waiting = sa.select(enrolments).where(enrolments.c.status.in_(["pending", "processing"]))
    _add(
        _job("encode", {"enrolment": str(row.id)}, f"person:{row.person_id}", row.created_by)
        | {"correlation_id": row.correlation_id}
        for row in _rows(waiting)
    )
    op.execute("UPDATE enrolments SET status = 'pending' WHERE status = 'processing'")
    with op.batch_alter_table("enrolments") as table:
        for name in _ENROLMENT_COLUMNS:
            table.drop_column(name)
        table.add_column(sa.Column("photo_digest", sa.String(64), nullable=True))
    op.create_index("ix_enrolments_photo_digest", "enrolments", ["photo_digest"])


def _move_checks() -> None:
    checks = _table("gallery_checks", "person_id", "model_id")
    _add(
        _job(
            "compare",
            {"model": row.model_id, "person": str(row.person_id)},
            f"person:{row.person_id}",
            "system",
        )
        for row in _rows(sa.select(checks))
    )
    op.drop_table("gallery_checks")


def _move_missing() -> None:
    missing = _table("missing_templates", "enrolment_id", "model_id", "reason")
    enrolments = _table("enrolments", "id", "person_id")
    waiting = (
        sa.select(missing.c.enrolment_id, missing.c.model_id, enrolments.c.person_id)
        .join(enrolments, enrolments.c.id == missing.c.enrolment_id)
        .where(missing.c.reason.is_(None))
    )
    _add(
        _job(
            "add_model",
            {"enrolment": str(row.enrolment_id), "model": row.model_id},
            f"person:{row.person_id}",
            "system",
        )
        for row in _rows(waiting)
    )
    with op.batch_alter_table("missing_templates") as table:
        table.drop_column("attempts")
        table.drop_column("not_before")


def _move_measurements() -> None:
    measurements = _table("accuracy_measurements", "model_id", "status", "requested_by")
    waiting = sa.select(measurements).where(measurements.c.status == "waiting")
    _add(
        _job("measure", {"model": row.model_id}, "accuracy", row.requested_by)
        for row in _rows(waiting)
    )
    op.execute("DELETE FROM accuracy_measurements WHERE status NOT IN ('done', 'impossible')")
    op.drop_index("ix_accuracy_measurements_waiting", "accuracy_measurements")
    with op.batch_alter_table("accuracy_measurements") as table:
        table.drop_column("attempts")
        table.drop_column("not_before")
        table.alter_column("finished_at", existing_type=_MOMENT, nullable=False)


def _restore_columns() -> None:
    op.drop_index("ix_enrolments_photo_digest", "enrolments")
    with op.batch_alter_table("enrolments") as table:
        table.drop_column("photo_digest")
        table.add_column(_filled("is_waiting_for_service", sa.Boolean(), sa.false()))
        table.add_column(sa.Column("lease_until", _MOMENT, nullable=True))
        table.add_column(sa.Column("lease_owner", sa.String(64), nullable=True))
    for name in ("enrolments", "missing_templates", "accuracy_measurements"):
        with op.batch_alter_table(name) as table:
            table.add_column(_filled("attempts", sa.Integer(), sa.text("0")))
            table.add_column(_filled("not_before", _MOMENT, sa.text("CURRENT_TIMESTAMP")))


def _restore_checks() -> None:
    op.create_table(
        "gallery_checks",
        sa.Column("person_id", sa.Uuid, primary_key=True),
        sa.Column("model_id", sa.String(80), primary_key=True),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("not_before", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], ondelete="CASCADE"),
    )
    jobs = sa.table("jobs", sa.column("kind"), sa.column("about", sa.JSON))
    waiting = _rows(sa.select(jobs.c.about).where(jobs.c.kind == "compare"))
    op.bulk_insert(
        sa.table(
            "gallery_checks",
            sa.column("person_id", sa.Uuid),
            sa.column("model_id"),
            sa.column("revision"),
            sa.column("attempts"),
            sa.column("not_before", _MOMENT),
        ),
        [
            {
                "person_id": uuid.UUID(row.about["person"]),
                "model_id": row.about["model"],
                "revision": 1,
                "attempts": 0,
                "not_before": datetime.now(UTC),
            }
            for row in waiting
        ],
    )


def _restore_measurements() -> None:
    with op.batch_alter_table("accuracy_measurements") as table:
        table.alter_column("finished_at", existing_type=_MOMENT, nullable=True)
    waiting = sa.text("status = 'waiting'")
    op.create_index(
        "ix_accuracy_measurements_waiting",
        "accuracy_measurements",
        ["model_id"],
        unique=True,
        sqlite_where=waiting,
        postgresql_where=waiting,
    )


def _filled(name: str, kind: Any, value: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False, server_default=value)


def _table(name: str, *columns: str) -> sa.TableClause:
    kinds: dict[str, Any] = {"id": sa.Uuid, "person_id": sa.Uuid, "enrolment_id": sa.Uuid}
    return sa.table(name, *(sa.column(one, kinds.get(one, sa.String)) for one in columns))


def _rows(query: sa.Select[Any]) -> list[sa.Row[Any]]:
    return list(op.get_bind().execute(query))


def _job(kind: str, about: dict[str, str], subject: str, actor: str) -> dict[str, Any]:
    at = datetime.now(UTC)
    return {
        "id": uuid.uuid4(),
        "kind": kind,
        "key": ":".join(about[name] for name in sorted(about)),
        "subject": subject,
        "about": about,
        "state": "waiting",
        "attempts": 0,
        "revision": 0,
        "not_before": at,
        "correlation_id": uuid.uuid4().hex,
        "created_by": actor,
        "created_at": at,
    }


def _add(rows: Iterable[dict[str, Any]]) -> None:
    found = list(rows)
    if not found:
        return
    columns: dict[str, Any] = {
        "id": sa.Uuid,
        "about": sa.JSON,
        "not_before": _MOMENT,
        "created_at": _MOMENT,
    }
    table = sa.table("jobs", *(sa.column(name, columns.get(name)) for name in found[0]))
    op.bulk_insert(table, found)
