"""What pages, /health and /metrics say about backups."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from server.backup_history.service import BackupStanding
from server.web.dates import moment_words
from server.web.translations import Translator

#: A night that failed is said at once; a schedule that does not run at all, after two nights.
_OVERDUE_AFTER = timedelta(hours=50)
#: A new school sets up other things first.
_REMIND_AFTER = timedelta(days=7)


@dataclass(frozen=True)
class BackupView:
    """What the server knows about its backups.

    Attributes:
        is_set_up: whether a folder and a recovery key are set.
        standing: of backups and failures.
        since: when the school began to use this database; None: not yet.
        waiting_since: when the server began to wait for the first backup.
    """

    is_set_up: bool
    standing: BackupStanding
    since: datetime | None
    waiting_since: datetime


def backup_sentence(view: BackupView, t: Translator, zone: ZoneInfo, at: datetime) -> str | None:
    """Say what is wrong with the backups and what to do; None: nothing is."""
    standing = view.standing
    if not view.is_set_up:
        is_in_use = view.since is not None and view.since < at - _REMIND_AFTER
        return t("backups.off") if is_in_use else None
    if standing.failed_at is not None:
        failed_at = _words(standing.failed_at, t, zone, at)
        said = t(f"backups.{standing.problem}", at=failed_at)
    elif (standing.last_good_at or view.waiting_since) < at - _OVERDUE_AFTER:
        said = t("backups.overdue")
    else:
        return None
    if standing.last_good_at is None:
        return f"{said} {t('backups.none')}"
    return f"{said} {t('backups.last', at=_words(standing.last_good_at, t, zone, at))}"


def _words(moment: datetime, t: Translator, zone: ZoneInfo, at: datetime) -> str:
    return moment_words(moment, t, zone, this_year=at.astimezone(zone).year)
