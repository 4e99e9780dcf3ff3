"""Which backups are kept: the newest of each of the last days and weeks."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from sqlmodel import col, select

from server.audit.tables import AuditEntry

BACKUP_ENDING, KEYS_ENDING = ".backup", ".keys"
_PREFIX = "rollcall-"
_STAMP = "%Y%m%dT%H%M%SZ"


def backup_name(at: datetime, school: str = "") -> str:
    """Return the name of a backup of a moment.

    Args:
        at: the moment.
        school: its id, see `school_id`; empty in a folder that no other school uses.
    """
    moment = at.astimezone(UTC).strftime(_STAMP)
    return f"{_PREFIX}{'-'.join(filter(None, (school, moment)))}{BACKUP_ENDING}"


def moment_of(name: str, school: str = "") -> datetime | None:
    """Return when a backup was made, by the name of its file; None: it is no backup of the school.

    Args:
        name: of the file.
        school: as `backup_name` was given it.
    """
    path = Path(name)
    prefix = f"{_PREFIX}{school}-" if school else _PREFIX
    if path.suffix not in (BACKUP_ENDING, KEYS_ENDING) or not name.startswith(prefix):
        return None
    try:
        return datetime.strptime(path.stem.removeprefix(prefix), _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def school_id(connection: Connection) -> str:
    """Return 8 hex digits that tell schools apart which share a backup folder.

    They are from the first entry of the audit trail, so a restored school keeps them.
    """
    query = select(AuditEntry.hash).where(col(AuditEntry.seq) == 1)
    found = connection.execute(query).scalar_one_or_none()
    return found.hex()[:8] if found is not None else "00000000"


def kept(
    made: Collection[datetime], *, daily: int, weekly: int, zone: ZoneInfo
) -> frozenset[datetime]:
    """Return which backups stay.

    Args:
        made: when each was made.
        daily: of how many days the newest one is kept. Days without a backup do not count, so a
            server that was off for months does not lose its backups.
        weekly: the same for weeks.
        zone: of the school, whose days these are.
    """
    days: dict[tuple[int, ...], datetime] = {}
    weeks: dict[tuple[int, ...], datetime] = {}
    for at in sorted(made, reverse=True):
        local = at.astimezone(zone).date()
        days.setdefault((local.year, local.month, local.day), at)
        weeks.setdefault(tuple(local.isocalendar()[:2]), at)
    return frozenset([*list(days.values())[:daily], *list(weeks.values())[:weekly]])


def remove_old(folder: Path, keep: tuple[int, int], zone: ZoneInfo, school: str) -> list[str]:
    """Delete a school's backups in a folder that need not be kept; returns their names.

    Args:
        folder: other schools may have backups there, too.
        keep: for how many days and weeks.
        zone: of the school.
        school: its id, see `school_id`.
    """
    found = {path: moment_of(path.name, school) for path in folder.iterdir() if path.is_file()}
    backups = {path: at for path, at in found.items() if at is not None}
    stay = kept(list(backups.values()), daily=keep[0], weekly=keep[1], zone=zone)
    gone = [path for path, at in backups.items() if at not in stay]
    for path in gone:
        path.unlink()
    return sorted(path.name for path in gone)
