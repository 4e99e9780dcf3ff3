"""Throw-away files in memory: a test run waits for the processor, not for a disk."""

import os
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_NEEDED_BYTES = 4 * 2**30


def keep_temporary_files_in_memory() -> None:
    """Let this process and its children make their temporary files in memory.

    A developer's own TMPDIR stays. So does the usual folder where memory is scarce, as in a
    container with the usual 64 MiB of it.
    """
    if "TMPDIR" in os.environ or not _is_suited(_MEMORY):
        return
    os.environ["TMPDIR"] = str(_MEMORY)
    tempfile.tempdir = None  # pytest asked before us, and the answer is kept


def _is_suited(folder: Path) -> bool:
    if not os.access(folder, os.W_OK | os.X_OK):
        return False
    found = os.statvfs(folder)
    may_execute = not found.f_flag & os.ST_NOEXEC  # some tests install programs and run them
    return may_execute and min(found.f_bavail * found.f_frsize, _unused_memory()) >= _NEEDED_BYTES


def _unused_memory() -> int:
    """Bytes that programs may still take; a file system in memory promises more than there is."""
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0
