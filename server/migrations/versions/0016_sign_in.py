"""Second steps of sign-ins, and counts of wrong guesses by place, account and session.

The counts of names that the earlier throttle kept last a quarter of an hour; they start again.
"""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0016"
down_revision: str | None = "0015"
branch_labels: str | None = None
depends_on: str | None = None

_MOMENT = server.db.types.UTCDateTime(timezone=True)


def upgrade() -> None:
    with op.batch_alter_table("sign_ins") as table:
        table.add_column(
            sa.Column("needs_code", sa.Boolean(), nullable=False, server_default=sa.false())
        )
    with op.batch_alter_table("sign_ins") as table:
        table.alter_column("needs_code", server_default=None)
    _second_factors()
    _guesses()
    op.drop_table("sign_in_throttles")


def _second_factors() -> None:
    op.create_table(
        "second_factors",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("confirmed_at", _MOMENT, nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=True),
        _of_account("second_factors"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        _of_account("recovery_codes"),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_account_id"), "recovery_codes", ["account_id"])
    op.create_table(
        "second_factor_roles",
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.PrimaryKeyConstraint("role", name=op.f("pk_second_factor_roles")),
    )


def _of_account(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_account_id_accounts")
    return sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=name, ondelete="CASCADE")


def _guesses() -> None:
    op.create_table(
        "guess_counts",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("name_hash", sa.LargeBinary(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since_at", _MOMENT, nullable=False),
        sa.Column("locks", sa.Integer(), nullable=False),
        sa.Column("locked_until", _MOMENT, nullable=True),
        sa.Column("succeeded_at", _MOMENT, nullable=True),
        sa.Column("touched_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_guess_counts")),
    )
    op.create_index(op.f("ix_guess_counts_name_hash"), "guess_counts", ["name_hash"])
    op.create_index(op.f("ix_guess_counts_touched_at"), "guess_counts", ["touched_at"])
    op.create_table(
        "refused_guesses",
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("action", sa.String(length=60), nullable=False),
        sa.Column("guesses", sa.Integer(), nullable=False),
        sa.Column("since_at", _MOMENT, nullable=False),
        sa.Column("written_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("subject", "action", name=op.f("pk_refused_guesses")),
    )


def downgrade() -> None:
    op.create_table(
        "sign_in_throttles",
        sa.Column("name_hash", sa.LargeBinary(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure_at", _MOMENT, nullable=False),
        sa.Column("locked_until", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("name_hash", name=op.f("pk_sign_in_throttles")),
    )
    tables = (
        "refused_guesses",
        "guess_counts",
        "second_factor_roles",
        "recovery_codes",
        "second_factors",
    )
    for name in tables:
        op.drop_table(name)
    # A sign-in that waits for its code must not count as one without a second step.
    op.execute(sa.text("DELETE FROM sign_ins WHERE needs_code"))
    with op.batch_alter_table("sign_ins") as table:
        table.drop_column("needs_code")
