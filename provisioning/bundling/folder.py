"""A bundle as a folder: its manifest, what is copied into it, and whether it is whole."""

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from provisioning.bundling.lock import BundleTarget
from provisioning.errors import ProvisioningError

MANIFEST = "manifest.json"
_FORMAT = 1
_BLOCK = 1 << 20


@dataclass(frozen=True)
class BundledFile:
    """A file of the bundle, with its path in it."""

    path: str
    sha256: str
    size_bytes: int


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, lower-case hex digits.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_digest(path: Path, sha256: str) -> bool:
    """Return whether a file is there and has this digest."""
    try:
        return digest(path) == sha256
    except OSError:
        return False


def place(content: bytes, target: Path) -> None:
    """Write a file so that it is there whole or not at all; readable by everybody.

    Raises:
        OSError: it cannot be written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".partial-", dir=target.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        draft.chmod(0o644)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def write_manifest(
    folder: Path, version: str, target: BundleTarget, paths: set[str]
) -> list[BundledFile]:
    """List these files with their digests in the manifest, and delete all others of the folder.

    Raises:
        OSError: a file cannot be read or written.
    """
    for path in _files(folder) - paths - {MANIFEST}:
        (folder / path).unlink()
    files = [
        BundledFile(path, digest(folder / path), (folder / path).stat().st_size)
        for path in sorted(paths)
    ]
    content = {
        "format": _FORMAT,
        "rollcall": version,
        "python": target.tag,
        "platform": f"linux {target.machine}, glibc 2.{target.glibc_minor}",
        "files": [
            {"path": one.path, "sha256": one.sha256, "bytes": one.size_bytes} for one in files
        ],
    }
    place(json.dumps(content, indent=2).encode() + b"\n", folder / MANIFEST)
    return files


def faults_of(folder: Path) -> tuple[int, list[str]]:
    """Compare a bundle with its manifest; returns how many files it lists, and what is wrong.

    Raises:
        ProvisioningError: it has no manifest that this version can read.
    """
    listed = _listed(folder)
    there = _files(folder) - {MANIFEST}
    faults = [f"{path} is missing" for path in sorted(listed.keys() - there)]
    faults += [f"{path} is not in the manifest" for path in sorted(there - listed.keys())]
    faults += [
        f"{path} is damaged"
        for path in sorted(listed.keys() & there)
        if not has_digest(folder / path, listed[path])
    ]
    return len(listed), faults


def _listed(folder: Path) -> dict[str, str]:
    try:
        content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise ProvisioningError(f"{folder} is a bundle of another version of this command")
        listed = {str(one["path"]): str(one["sha256"]) for one in content["files"]}
    except OSError as exc:
        raise ProvisioningError(f"{folder} is no bundle: it has no {MANIFEST}") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise ProvisioningError(
            f"the {MANIFEST} of {folder} is damaged, or the bundle is not finished"
        ) from exc
    if any(_leads_out(path) for path in listed):
        raise ProvisioningError(f"the {MANIFEST} of {folder} names files outside of it")
    return listed


def _leads_out(path: str) -> bool:
    parts = PurePosixPath(path)
    return parts.is_absolute() or ".." in parts.parts or str(parts) != path


def _files(folder: Path) -> set[str]:
    """Return all files below a folder; a symlink counts as one, wherever it leads."""
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_symlink() or not path.is_dir()
    }
