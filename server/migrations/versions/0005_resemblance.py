"""Templates set aside, checks of the gallery, who resembles whom, templates of further models."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None


def upgrade() -> None:
    _templates()
    _gallery_checks()
    _resemblances()
    _missing_templates()


def downgrade() -> None:
    for name in ("missing_templates", "resemblances", "gallery_checks"):
        op.drop_table(name)
    with op.batch_alter_table("templates") as table:
        table.drop_column("is_restored")
        table.drop_column("set_aside_reason")


def _templates() -> None:
    with op.batch_alter_table("templates") as table:
        table.add_column(sa.Column("set_aside_reason", sa.String(length=20), nullable=True))
        table.add_column(
            sa.Column("is_restored", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("templates") as table:
        table.alter_column("is_restored", server_default=None)


def _gallery_checks() -> None:
    op.create_table(
        "gallery_checks",
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["person_id"],
            ["people.id"],
            name=op.f("fk_gallery_checks_person_id_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("person_id", "model_id", name=op.f("pk_gallery_checks")),
    )
    # Whoever is enrolled already was never compared with the others.
    op.execute(
        "INSERT INTO gallery_checks (person_id, model_id, revision, attempts, not_before)"
        " SELECT person_id, model_id, 1, 0, max(created_at) FROM templates"
        " GROUP BY person_id, model_id"
    )


def _resemblances() -> None:
    op.create_table(
        "resemblances",
        sa.Column("first_id", sa.Uuid(), nullable=False),
        sa.Column("second_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("distance", sa.Float(), nullable=False),
        sa.Column("found_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("dismissed_by", sa.String(length=80), nullable=True),
        sa.Column("dismissed_at", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["first_id"],
            ["people.id"],
            name=op.f("fk_resemblances_first_id_people"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["second_id"],
            ["people.id"],
            name=op.f("fk_resemblances_second_id_people"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("first_id", "second_id", "model_id", name=op.f("pk_resemblances")),
    )
    op.create_index(op.f("ix_resemblances_second_id"), "resemblances", ["second_id"])


def _missing_templates() -> None:
    op.create_table(
        "missing_templates",
        sa.Column("enrolment_id", sa.Uuid(), nullable=False),
        sa.Column("model_id", sa.String(length=80), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("not_before", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(
            ["enrolment_id"],
            ["enrolments.id"],
            name=op.f("fk_missing_templates_enrolment_id_enrolments"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("enrolment_id", "model_id", name=op.f("pk_missing_templates")),
    )
