"""Received runs of sequence numbers, lost spans, signed watermarks, and signs of a second device.

The runs are filled from the events that are here, so that acks need no scan of the event table.
"""

import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

import server.db.types

revision: str = "0013"
down_revision: str | None = "0012"
branch_labels: str | None = None
depends_on: str | None = None

_MOMENT = server.db.types.UTCDateTime(timezone=True)
_CHUNK = 1000
_PROGRESS = sa.table(
    "kiosk_progress",
    sa.column("kiosk_id", sa.Uuid),
    sa.column("stored_through", sa.BigInteger),
    sa.column("highest_seq", sa.BigInteger),
)
_EVENTS = sa.table(
    "attendance_events",
    sa.column("kiosk_id", sa.Uuid),
    sa.column("seq", sa.BigInteger),
    sa.column("received_at", _MOMENT),
)
_KEPT = sa.table(
    "quarantined_events",
    sa.column("kiosk_id", sa.String),
    sa.column("seq", sa.BigInteger),
    sa.column("received_at", _MOMENT),
    sa.column("is_authentic", sa.Boolean),
)
_RUNS = sa.table(
    "received_runs",
    sa.column("kiosk_id", sa.Uuid),
    sa.column("first", sa.BigInteger),
    sa.column("last", sa.BigInteger),
    sa.column("opened_at", _MOMENT),
)


def upgrade() -> None:
    with op.batch_alter_table("kiosk_progress") as table:
        table.add_column(sa.Column("claimed_head", sa.String(length=64), nullable=True))
        table.add_column(sa.Column("chains", sa.JSON(), nullable=True))
        table.add_column(sa.Column("forked_at", _MOMENT, nullable=True))
    op.create_table(
        "received_runs",
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("opened_at", _MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["kiosk_id"],
            ["kiosks.id"],
            name=op.f("fk_received_runs_kiosk_id_kiosks"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("kiosk_id", "first", name=op.f("pk_received_runs")),
    )
    _lost_spans()
    _fill_runs(op.get_bind())


def downgrade() -> None:
    op.drop_table("lost_spans")
    op.drop_table("received_runs")
    with op.batch_alter_table("kiosk_progress") as table:
        for name in ("forked_at", "chains", "claimed_head"):
            table.drop_column(name)


def _lost_spans() -> None:
    op.create_table(
        "lost_spans",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kiosk_id", sa.Uuid(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("missing", sa.BigInteger(), nullable=False),
        sa.Column("from_at", _MOMENT, nullable=False),
        sa.Column("through_at", _MOMENT, nullable=False),
        sa.Column("reason", sa.String(length=48), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=True),
        sa.Column("noted_at", _MOMENT, nullable=False),
        sa.Column("closed_at", _MOMENT, nullable=True),
        sa.Column("closed_by", sa.String(length=80), nullable=True),
        sa.Column("close_reason", sa.String(length=500), nullable=True),
        sa.ForeignKeyConstraint(
            ["kiosk_id"], ["kiosks.id"], name=op.f("fk_lost_spans_kiosk_id_kiosks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lost_spans")),
    )
    op.create_index("ix_lost_spans_kiosk_id_closed_at", "lost_spans", ["kiosk_id", "closed_at"])


def _fill_runs(connection: sa.Connection) -> None:
    progress = sa.select(_PROGRESS.c.kiosk_id, _PROGRESS.c.stored_through).where(
        _PROGRESS.c.highest_seq > _PROGRESS.c.stored_through
    )
    for kiosk_id, stored_through in connection.execute(progress).all():
        runs = list(_runs(_received(connection, kiosk_id, stored_through)))
        if runs and runs[0][0] == stored_through + 1:
            # The search for the end of the run had given up after 20,000 numbers.
            through = runs.pop(0)[1]
            connection.execute(
                _PROGRESS.update()
                .where(_PROGRESS.c.kiosk_id == kiosk_id)
                .values(stored_through=through)
            )
        rows = [
            {"kiosk_id": kiosk_id, "first": first, "last": last, "opened_at": opened_at}
            for first, last, opened_at in runs
        ]
        for start in range(0, len(rows), _CHUNK):
            connection.execute(_RUNS.insert(), rows[start : start + _CHUNK])


def _received(
    connection: sa.Connection, kiosk_id: uuid.UUID, after: int
) -> Iterable[tuple[int, datetime]]:
    """Numbers in the server's keeping after one, with when they came, in order."""
    stored = sa.select(_EVENTS.c.seq, _EVENTS.c.received_at).where(
        _EVENTS.c.kiosk_id == kiosk_id, _EVENTS.c.seq > after
    )
    kept = sa.select(_KEPT.c.seq, _KEPT.c.received_at).where(
        _KEPT.c.kiosk_id == str(kiosk_id), _KEPT.c.seq > after, _KEPT.c.is_authentic
    )
    either: Any = sa.union_all(stored, kept).subquery()
    query = sa.select(either.c.seq, either.c.received_at).order_by(either.c.seq)
    return ((row[0], row[1]) for row in connection.execute(query))


def _runs(received: Iterable[tuple[int, datetime]]) -> Iterator[tuple[int, int, datetime]]:
    first = last = 0
    opened_at = None
    for seq, at in received:
        if opened_at is not None and seq <= last + 1:
            last = max(last, seq)
            opened_at = min(opened_at, at)
            continue
        if opened_at is not None:
            yield first, last, opened_at
        first, last, opened_at = seq, seq, at
    if opened_at is not None:
        yield first, last, opened_at
