"""The school's network, set as an admin would have set it earlier."""

from datetime import timedelta

from server.db.engine import Database
from server.db.types import now
from server.networks.service import row_of


def set_networks(
    database: Database,
    current: str | None,
    next_id: str | None = None,
    *,
    collects_scans: bool = False,
    wanted: float = 0.95,
) -> None:
    """Say which network the school uses, and which one it changes to, since ten days."""
    with database.transaction() as db:
        row = row_of(db)
        row.current, row.next = current, next_id
        row.started_at = now() - timedelta(days=10) if next_id else None
        row.started_by = "system" if next_id else None
        row.collects_scans = collects_scans
        row.coverage_wanted = wanted
