"""The disk: space for records, wear, errors."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

from kiosk.doctor.examination import Examination
from kiosk.doctor.findings import Diagnosis, fail, ok, skipped, warn
from kiosk.doctor.machine import HostMachine

EVENT_BYTES = 1500
"""Most that an event takes on disk. Source: docs/measurements/kiosk-files.md."""
_LEAST_BYTES = 200_000_000
_LEAST_FILES = 1000
_WORN, _NEARLY_WORN = 0x0B, 0x09
"""Steps of 10 % of the life; 0x0B: exceeded. Source: JEDEC eMMC 5.0, EXT_CSD 268 and 269."""
_RESERVE_URGENT, _RESERVE_LOW = 0x03, 0x02
"""Spare blocks used. Source: JEDEC eMMC 5.0, EXT_CSD 267 (PRE_EOL_INFO)."""
_KERNEL_ERRORS = (
    "i/o error",
    "ext4-fs error",
    "mmc0: error",
    "mmc0: timeout",
    "critical medium error",
)


def space(exam: Examination) -> Diagnosis:
    """Check the room for records that may wait."""
    folder = _existing(exam.subject.data_dir)
    try:
        free_bytes = shutil.disk_usage(folder).free
        free_files = os.statvfs(folder).f_favail
        has_files = os.statvfs(folder).f_files > 0
    except OSError:
        return fail("disk space", "disk_space.unreadable", folder=str(folder))
    free = f"{free_bytes / 1e9:.1f}"
    if free_bytes < _LEAST_BYTES:
        return fail("disk space", "disk_space.full", free=free)
    if has_files and free_files < _LEAST_FILES:
        return fail("disk space", "disk_space.no_files")
    if free_bytes < exam.subject.max_events * EVENT_BYTES:
        return warn("disk space", "disk_space.low", free=free)
    return ok("disk space", "disk_space.good", free=free)


def wear(exam: Examination) -> Diagnosis:
    """Check for a disk that is worn, read-only, or reports errors."""
    if _is_read_only(exam.machine, exam.subject.data_dir):
        return fail("disk wear", "disk_wear.read_only")
    if _has_errors(exam.machine):
        return fail("disk wear", "disk_wear.errors")
    lives = [
        _numbers(exam.machine, path)
        for path in exam.machine.glob("/sys/block/mmcblk*/device/life_time")
    ]
    reserves = [
        _numbers(exam.machine, path)
        for path in exam.machine.glob("/sys/block/mmcblk*/device/pre_eol_info")
    ]
    life = max((number for one in lives for number in one), default=0)
    reserve = max((number for one in reserves for number in one), default=0)
    if life >= _WORN or reserve >= _RESERVE_URGENT:
        return fail("disk wear", "disk_wear.worn")
    if life >= _NEARLY_WORN or reserve >= _RESERVE_LOW:
        return warn("disk wear", "disk_wear.nearly_worn")
    if life:
        return ok("disk wear", "disk_wear.good", percent=life * 10)
    return skipped("disk wear", "disk_wear.unknown")


def _existing(path: Path) -> Path:
    """Return the path, or the nearest folder above it that is there and may be seen."""
    for one in (path.absolute(), *path.absolute().parents):
        with suppress(OSError):
            one.stat()
            return one
    return Path("/")


def _is_read_only(machine: HostMachine, data_dir: Path) -> bool:
    """Return whether the mount of the data folder is read-only; the longest path counts."""
    folder, found, is_read_only = _existing(data_dir), -1, False
    for line in (machine.text("/proc/mounts") or "").splitlines():
        cells = line.split()
        if len(cells) < 4:  # device, place, kind, options
            continue
        place = Path(cells[1].replace("\\040", " "))
        if folder.is_relative_to(place) and len(place.parts) >= found:
            found, is_read_only = len(place.parts), "ro" in cells[3].split(",")
    return is_read_only


def _has_errors(machine: HostMachine) -> bool:
    log = machine.run("journalctl", "-k", "-b", "-q", "--no-pager", "-o", "cat", "-p", "warning")
    text = log.text.lower() if log is not None and log.is_good else ""
    return any(error in text for error in _KERNEL_ERRORS)


def _numbers(machine: HostMachine, path: Path) -> list[int]:
    text = machine.text(f"/{path.relative_to(machine.root)}") or ""
    return [int(word, 16) for word in text.split() if _is_hex(word)]


def _is_hex(word: str) -> bool:
    try:
        int(word, 16)
    except ValueError:
        return False
    return True
