"""The kiosk's own files: its claim, who may use them, what waits in the outbox."""

import os
import stat
from pathlib import Path

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.machine import account_name, may
from kiosk.doctor.report import KioskReport

_NEARLY_FULL_SHARE = 0.8
_MOST_FILES = 2000


def claim(exam: Examination) -> Diagnosis:
    """Check that the server knows this kiosk."""
    report = exam.report()
    if not isinstance(report, KioskReport):
        return skipped("claim", f"The claim was not checked: {report}.")
    if report.to_do:
        words, fix = report.to_do[0]
        return (warn if report.is_claimed else fail)("claim", words, fix)
    return ok("claim", "The kiosk is claimed, and the server knows it.")


def outbox(exam: Examination) -> Diagnosis:
    """Check that records are safe and on their way."""
    report = exam.report()
    if not isinstance(report, KioskReport):
        return skipped("outbox", f"The records were not counted: {report}.")
    events = report.events
    if events is None:
        return fail(
            "outbox",
            "The record store cannot be read.",
            "Start the kiosk: it saves what can be read. Check who owns the data folder.",
        )
    waiting = events.get("waiting", 0)
    if events.get("lost", 0):
        return fail(
            "outbox",
            f"{events['lost']} records were lost to a damaged disk.",
            "Replace the card, and close the gap on the kiosk's page.",
        )
    if waiting >= _NEARLY_FULL_SHARE * exam.subject.max_events:
        return fail(
            "outbox",
            f"{waiting} records wait, and there is hardly room for more.",
            "Connect the kiosk to its server now.",
        )
    if events.get("refused", 0):
        return warn(
            "outbox",
            f"The server refused {events['refused']} records; they are kept here.",
            "Look at the refused records on the kiosk's page.",
        )
    return ok("outbox", f"{waiting} records wait; none are lost.")


def permissions(exam: Examination) -> Diagnosis:
    """Check that the kiosk's account may use its files and devices, and no other account."""
    folder = exam.subject.data_dir
    try:
        if not folder.exists():
            return skipped("permissions", f"{folder} is made at the kiosk's first start.")
        uid = folder.stat().st_uid
        found = _foreign(folder, uid) or _too_open(exam, folder) or _closed(exam, uid)
    except PermissionError:
        return warn(
            "permissions",
            f"This account may not look into {folder}.",
            "Run doctor again with sudo.",
        )
    except OSError as exc:
        return fail("permissions", f"{folder} cannot be read: {exc.strerror}.", "Check the disk.")
    return found or ok("permissions", f"The files belong to the account {account_name(uid)}.")


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
                owner, account = account_name(path.lstat().st_uid), account_name(uid)
                return fail(
                    "permissions",
                    f"{path} belongs to {owner}, and the kiosk runs as {account}.",
                    f"Give it back: sudo chown -R {account}: {folder}.",
                )
    return None


def _raise(error: OSError) -> None:
    raise error


def _too_open(exam: Examination, folder: Path) -> Diagnosis | None:
    if stat.S_IMODE(folder.stat().st_mode) & 0o077:
        return warn(
            "permissions",
            f"Other accounts may look into {folder}.",
            f"Close it: sudo chmod 700 {folder}.",
        )
    file = exam.subject.settings_file
    if file is not None and stat.S_IMODE(file.stat().st_mode) & 0o007:
        return warn(
            "permissions",
            f"Every account may read {file}, which may hold a claim code.",
            f"Close it: sudo chmod o= {file}.",
        )
    return None


def _closed(exam: Examination, uid: int) -> Diagnosis | None:
    account, file = account_name(uid), exam.subject.settings_file
    if file is not None and not may(uid, file, os.R_OK):
        return fail(
            "permissions",
            f"The kiosk's account {account} may not read {file}.",
            f"Allow it: sudo chown {account}: {file}.",
        )
    device = exam.subject.camera_device
    path = exam.machine.path(device) if device else None
    if path is not None and path.exists() and not may(uid, path, os.R_OK | os.W_OK):
        return fail(
            "permissions",
            f"The kiosk's account {account} may not use {device}.",
            f"Allow it: sudo usermod -aG video {account}, then restart the kiosk.",
        )
    return None
