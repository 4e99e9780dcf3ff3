"""PINs, cards, links and their keys; which kiosk holds whose PIN; codes that were used."""

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0021"
down_revision: str | None = "0020"
branch_labels: str | None = None
depends_on: str | None = None

_TABLES = (
    "code_uses",
    "held_pins",
    "kiosk_pin_keys",
    "own_links",
    "cards",
    "pins",
    "credential_versions",
    "credential_keys",
)


_WAYS = ["qr", "card", "pin", "teacher"]


def upgrade() -> None:
    _secrets()
    _holders()
    _kiosks()
    _allow_ways()


def downgrade() -> None:
    for name in _TABLES:
        op.drop_table(name)


def _allow_ways() -> None:
    """Allow the ways without a face where nobody has ever changed the policy.

    The setting had no effect before, so this changes no judgement. A school that has a policy
    chooses them on its page.
    """
    table = sa.table(
        "policy_versions", sa.column("version", sa.Integer), sa.column("document", sa.JSON)
    )
    db = op.get_bind()
    rows = db.execute(sa.select(table.c.version, table.c.document).limit(2)).all()
    if [row.version for row in rows] != [0]:
        return
    document = dict(rows[0].document)
    document["kiosk"] = {**document["kiosk"], "fallbacks": _WAYS}
    db.execute(table.update().where(table.c.version == 0).values(document=document))


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, server.db.types.UTCDateTime(timezone=True), nullable=nullable)


def _secrets() -> None:
    op.create_table(
        "credential_keys",
        sa.Column("name", sa.String(length=20), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_credential_keys")),
    )
    op.create_table(
        "credential_versions",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_credential_versions")),
    )


def _holders() -> None:
    op.create_table(
        "pins",
        sa.Column("holder_kind", sa.String(length=20), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("lookup_hash", sa.LargeBinary(length=32), nullable=False),
        _moment("issued_at"),
        _moment("handed_out_at", nullable=True),
        sa.PrimaryKeyConstraint("holder_kind", "holder_id", name=op.f("pk_pins")),
        sa.UniqueConstraint("lookup_hash", name=op.f("uq_pins_lookup_hash")),
    )
    op.create_table(
        "cards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("holder_kind", sa.String(length=20), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("label", sa.String(length=20), nullable=False),
        _moment("added_at"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cards")),
        sa.UniqueConstraint("hash", name=op.f("uq_cards_hash")),
    )
    op.create_index("ix_cards_holder_id", "cards", ["holder_id"])
    op.create_table(
        "own_links",
        sa.Column("holder_kind", sa.String(length=20), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        _moment("made_at"),
        sa.PrimaryKeyConstraint("holder_kind", "holder_id", name=op.f("pk_own_links")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_own_links_token_hash")),
    )


def _kiosks() -> None:
    op.create_table(
        "kiosk_pin_keys",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(length=40), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id"], ["kiosks.id"], name=op.f("fk_kiosk_pin_keys_kiosk_id_kiosks")
        ),
        sa.PrimaryKeyConstraint("kiosk_id", name=op.f("pk_kiosk_pin_keys")),
    )
    op.create_table(
        "held_pins",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("holder_kind", sa.String(length=20), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id"], ["kiosks.id"], name=op.f("fk_held_pins_kiosk_id_kiosks")
        ),
        sa.PrimaryKeyConstraint("kiosk_id", "holder_kind", "holder_id", name=op.f("pk_held_pins")),
    )
    op.create_table(
        "code_uses",
        sa.Column("code_id", sa.String(length=64), nullable=False),
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=True),
        _moment("counted_at"),
        _moment("received_at"),
        sa.PrimaryKeyConstraint("code_id", "kiosk_id", "event_id", name=op.f("pk_code_uses")),
    )
    op.create_index("ix_code_uses_received_at", "code_uses", ["received_at"])
    op.create_index("ix_code_uses_counted_at", "code_uses", ["counted_at"])
