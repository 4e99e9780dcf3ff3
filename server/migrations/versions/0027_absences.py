"""Absences reported in advance: reports, withdrawals, attachments, and the usual reasons."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0027"
down_revision: str | None = "0026"
branch_labels: str | None = None
depends_on: str | None = None

_TABLES = ("absence_attachments", "absence_withdrawals", "absence_reports", "absence_reasons")
_CODES = ("illness", "appointment", "family", "religious", "school")


def upgrade() -> None:
    _reasons()
    _reports()
    _withdrawals()
    _attachments()


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, server.db.types.UTCDateTime(timezone=True), nullable=nullable)


def _reasons() -> None:
    table = op.create_table(
        "absence_reasons",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=True),
        sa.Column("words", sa.String(length=80), nullable=True),
        _moment("added_at"),
        _moment("retired_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence_reasons")),
        sa.UniqueConstraint("code", name=op.f("uq_absence_reasons_code")),
    )
    at = server.db.types.now()
    rows = [{"id": server.db.types.new_id(), "code": code, "added_at": at} for code in _CODES]
    op.bulk_insert(table, rows)


def _reports() -> None:
    op.create_table(
        "absence_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("from_time", sa.Time(), nullable=True),
        sa.Column("until_time", sa.Time(), nullable=True),
        sa.Column("is_excused", sa.Boolean(), nullable=False),
        sa.Column("reason_id", sa.Uuid(), nullable=False),
        sa.Column("note", sa.String(length=500), nullable=False),
        sa.Column("reported_by", sa.String(length=160), nullable=False),
        sa.Column("entered_by", sa.String(length=80), nullable=False),
        _moment("entered_at"),
        _moment("counts_after", nullable=True),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("fk_absence_reports_person_id_people")
        ),
        sa.ForeignKeyConstraint(
            ["reason_id"],
            ["absence_reasons.id"],
            name=op.f("fk_absence_reports_reason_id_absence_reasons"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence_reports")),
    )
    op.create_index("ix_absence_reports_last_day", "absence_reports", ["last_day", "first_day"])
    op.create_index(
        "ix_absence_reports_person_id", "absence_reports", ["person_id", "first_day", "id"]
    )


def _withdrawals() -> None:
    op.create_table(
        "absence_withdrawals",
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("withdrawn_by", sa.String(length=80), nullable=False),
        _moment("withdrawn_at"),
        _moment("counts_after", nullable=True),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["absence_reports.id"],
            name=op.f("fk_absence_withdrawals_report_id_absence_reports"),
        ),
        sa.PrimaryKeyConstraint("report_id", name=op.f("pk_absence_withdrawals")),
    )


def _attachments() -> None:
    op.create_table(
        "absence_attachments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.String(length=80), nullable=False),
        _moment("added_at"),
        sa.ForeignKeyConstraint(
            ["report_id"],
            ["absence_reports.id"],
            name=op.f("fk_absence_attachments_report_id_absence_reports"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence_attachments")),
    )
    for column in ("key_id", "report_id"):
        op.create_index(op.f(f"ix_absence_attachments_{column}"), "absence_attachments", [column])
