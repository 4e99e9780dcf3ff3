"""Every claim of a kiosk, with its key and the hash of its token."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0015"
down_revision: str | None = "0014"
branch_labels: str | None = None
depends_on: str | None = None

# A claim from before claims had numbers is number 0: that is what its kiosk keeps of it. The tokens
# of kiosks that were revoked by then are not known any more.
_FILL = sa.text(
    "INSERT INTO kiosk_claims (kiosk_id, number, signing_key, token_hash, from_at, until_at)"
    " SELECT id, 0, signing_key, token_hash, COALESCE(claimed_at, created_at), revoked_at"
    " FROM kiosks WHERE signing_key IS NOT NULL"
)


def upgrade() -> None:
    moment = server.db.types.UTCDateTime(timezone=True)
    op.create_table(
        "kiosk_claims",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("signing_key", sa.String(length=44), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("from_at", moment, nullable=False),
        sa.Column("until_at", moment, nullable=True),
        sa.ForeignKeyConstraint(
            ["kiosk_id"],
            ["kiosks.id"],
            name=op.f("fk_kiosk_claims_kiosk_id_kiosks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kiosk_id", "number", name=op.f("pk_kiosk_claims")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_kiosk_claims_token_hash")),
    )
    op.execute(_FILL)


def downgrade() -> None:
    op.drop_table("kiosk_claims")
