"""Kiosks: credentials, claim codes, progress, galleries, erasure receipts."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | None = None
depends_on: str | None = None

_TABLES = (
    "erasure_receipts",
    "server_keys",
    "gallery_entries",
    "claim_throttles",
    "claim_codes",
    "kiosk_progress",
    "kiosks",
)


def upgrade() -> None:
    _kiosks()
    _kiosk_progress()
    _claim_codes()
    _claim_throttles()
    _gallery_entries()
    _server_keys()
    _erasure_receipts()


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


def _kiosks() -> None:
    op.create_table(
        "kiosks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("created_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("claimed_at", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("signing_key", sa.String(length=44), nullable=True),
        sa.Column("sealing_key", sa.String(length=44), nullable=True),
        sa.Column("token_hash", sa.LargeBinary(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("broker_password_key_id", sa.String(length=40), nullable=True),
        sa.Column("broker_password", sa.LargeBinary(), nullable=True),
        sa.Column("data_key_key_id", sa.String(length=40), nullable=True),
        sa.Column("data_key", sa.LargeBinary(), nullable=True),
        sa.Column("gallery_version", sa.BigInteger(), nullable=False),
        sa.Column("gallery_source", sa.String(length=120), nullable=False),
        sa.Column("last_seen_at", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("is_online", sa.Boolean(), nullable=False),
        sa.Column("status_at", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("status", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["room_id"], ["rooms.id"], name=op.f("fk_kiosks_room_id_rooms")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kiosks")),
        sa.UniqueConstraint("name", name=op.f("uq_kiosks_name")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_kiosks_token_hash")),
    )
    op.create_index(op.f("ix_kiosks_room_id"), "kiosks", ["room_id"])


def _kiosk_progress() -> None:
    op.create_table(
        "kiosk_progress",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("stored_through", sa.BigInteger(), nullable=False),
        sa.Column("highest_seq", sa.BigInteger(), nullable=False),
        sa.Column("highest_hash", sa.String(length=64), nullable=False),
        sa.Column("synced_through", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("claimed_through", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("claimed_seq", sa.BigInteger(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("torn", sa.Integer(), nullable=False),
        sa.Column("last_event_at", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["kiosk_id"], ["kiosks.id"], name=op.f("fk_kiosk_progress_kiosk_id_kiosks")
        ),
        sa.PrimaryKeyConstraint("kiosk_id", name=op.f("pk_kiosk_progress")),
    )


def _claim_codes() -> None:
    op.create_table(
        "claim_codes",
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("expires_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("used_at", server.db.types.UTCDateTime(timezone=True), nullable=True),
        sa.Column("created_by", sa.String(length=80), nullable=False),
        sa.Column("created_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id"],
            ["kiosks.id"],
            name=op.f("fk_claim_codes_kiosk_id_kiosks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_claim_codes")),
    )
    op.create_index(op.f("ix_claim_codes_kiosk_id"), "claim_codes", ["kiosk_id"])


def _claim_throttles() -> None:
    op.create_table(
        "claim_throttles",
        sa.Column("address_hash", sa.LargeBinary(), nullable=False),
        sa.Column("window_started_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("address_hash", name=op.f("pk_claim_throttles")),
    )


def _gallery_entries() -> None:
    op.create_table(
        "gallery_entries",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("template_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("change", sa.BigInteger(), nullable=False),
        sa.Column("gone", sa.String(length=20), nullable=True),
        sa.ForeignKeyConstraint(
            ["kiosk_id"],
            ["kiosks.id"],
            name=op.f("fk_gallery_entries_kiosk_id_kiosks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kiosk_id", "template_id", name=op.f("pk_gallery_entries")),
    )
    op.create_index("ix_gallery_entries_kiosk_id_change", "gallery_entries", ["kiosk_id", "change"])
    op.create_index(op.f("ix_gallery_entries_person_id"), "gallery_entries", ["person_id"])


def _server_keys() -> None:
    op.create_table(
        "server_keys",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_server_keys")),
    )


def _erasure_receipts() -> None:
    op.create_table(
        "erasure_receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("erased_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("received_at", server.db.types.UTCDateTime(timezone=True), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id"], ["kiosks.id"], name=op.f("fk_erasure_receipts_kiosk_id_kiosks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_erasure_receipts")),
    )
    op.create_index(op.f("ix_erasure_receipts_kiosk_id"), "erasure_receipts", ["kiosk_id"])
    op.create_index(op.f("ix_erasure_receipts_person_id"), "erasure_receipts", ["person_id"])
