"""Which backups are kept: the newest of each of the last days and weeks."""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

BACKUP_ENDING, KEYS_ENDING = ".backup", ".keys"
_PREFIX = "rollcall-"
_STAMP = "%Y%m%dT%H%M%SZ"


def backup_name(at: datetime) -> str:
    """Return the name of a backup of a moment."""
    return f"{_PREFIX}{at.astimezone(UTC).strftime(_STAMP)}{BACKUP_ENDING}"


def moment_of(name: str) -> datetime | None:
    """Return when a backup was made, by the name of its file; None: it is no backup."""
    path = Path(name)
    if path.suffix not in (BACKUP_ENDING, KEYS_ENDING) or not name.startswith(_PREFIX):
        return None
    try:
        return datetime.strptime(path.stem.removeprefix(_PREFIX), _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


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


def remove_old(folder: Path, keep: tuple[int, int], zone: ZoneInfo) -> list[str]:
    """Delete the backups of a folder that need not be kept; returns their names."""
    found = {path: moment_of(path.name) for path in folder.iterdir() if path.is_file()}
    backups = {path: at for path, at in found.items() if at is not None}
    stay = kept(list(backups.values()), daily=keep[0], weekly=keep[1], zone=zone)
    gone = [path for path, at in backups.items() if at not in stay]
    for path in gone:
        path.unlink()
    return sorted(path.name for path in gone)
