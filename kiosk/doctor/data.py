"""The kiosk's own files: its claim, who may use them, what waits in the outbox."""

import os
import stat
from pathlib import Path

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import CheckResult, Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.machine import account_name, may
from kiosk.doctor.report import KioskReport

_NEARLY_FULL_SHARE = 0.8
_MOST_FILES = 2000


def claim(exam: Examination) -> Diagnosis:
    """Check that the server knows this kiosk."""
    report = exam.report()
    if not isinstance(report, KioskReport):
        return skipped("claim", "claim.no_report", why=report)
    if report.to_do:
        result = CheckResult.WARN if report.is_claimed else CheckResult.FAIL
        return Diagnosis("claim", result, report.to_do[0])
    return ok("claim", "claim.good")


def outbox(exam: Examination) -> Diagnosis:
    """Check that records are safe and on their way."""
    report = exam.report()
    if not isinstance(report, KioskReport):
        return skipped("outbox", "outbox.no_report", why=report)
    events = report.events
    if events is None:
        return fail("outbox", "outbox.unreadable")
    waiting = events.get("waiting", 0)
    if events.get("lost", 0):
        return fail("outbox", "outbox.lost", count=events["lost"])
    if waiting >= _NEARLY_FULL_SHARE * exam.subject.max_events:
        return fail("outbox", "outbox.nearly_full", count=waiting)
    if events.get("refused", 0):
        return warn("outbox", "outbox.refused", count=events["refused"])
    return ok("outbox", "outbox.good", count=waiting)


def permissions(exam: Examination) -> Diagnosis:
    """Check that the kiosk's account may use its files and devices, and no other account."""
    folder = exam.subject.data_dir
    try:
        if not folder.exists():
            return skipped("permissions", "permissions.first_start", folder=str(folder))
        uid = folder.stat().st_uid
        found = _foreign(folder, uid) or _too_open(exam, folder) or _closed(exam, uid)
    except PermissionError:
        return warn("permissions", "permissions.not_seen", folder=str(folder))
    except OSError as exc:
        return fail(
            "permissions", "permissions.unreadable", folder=str(folder), reason=str(exc.strerror)
        )
    return found or ok("permissions", "permissions.good", account=account_name(uid))


def _foreign(folder: Path, uid: int) -> Diagnosis | None:
    """Find files that the kiosk's account does not own; a command run with sudo leaves such."""
    found = 0
    for place, _, names in os.walk(folder, onerror=_raise):
        for name in names:
            found += 1
            if found > _MOST_FILES:
                return None
            path = Path(place) / name
            if path.lstat().st_uid != uid:
                return fail(
                    "permissions",
                    "permissions.foreign",
                    path=str(path),
                    owner=account_name(path.lstat().st_uid),
                    account=account_name(uid),
                    folder=str(folder),
                )
    return None


def _raise(error: OSError) -> None:
    raise error


def _too_open(exam: Examination, folder: Path) -> Diagnosis | None:
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return warn("permissions", "permissions.open_folder", folder=str(folder))
    file = exam.subject.settings_file
    if file is not None and stat.S_IMODE(file.stat().st_mode) & 0o007:
        return warn("permissions", "permissions.open_file", file=str(file))
    return None


def _closed(exam: Examination, uid: int) -> Diagnosis | None:
    account, file = account_name(uid), exam.subject.settings_file
    if file is not None and not may(uid, file, os.R_OK):
        return fail("permissions", "permissions.closed_file", account=account, file=str(file))
    device = exam.subject.camera_device
    path = exam.machine.path(device) if device else None
    if path is not None and path.exists() and not may(uid, path, os.R_OK | os.W_OK):
        return fail("permissions", "permissions.closed_device", account=account, device=device)
    return None
