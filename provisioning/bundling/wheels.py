"""Brings the locked wheels into a bundle, each checked by its digest, and their licences."""

import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from hashlib import sha256
from io import BytesIO
from pathlib import Path, PurePosixPath

import requests

from provisioning.bundling.folder import digest, has_digest, place
from provisioning.bundling.lock import PROJECT, LockedWheel
from provisioning.errors import ProvisioningError

WHEELS = "wheels"
LICENCES = "licences"
REQUIREMENTS = "requirements.txt"
_TIMEOUT_S = (10, 60)
_MOST_BYTES = 1 << 30
_BLOCK = 1 << 20
_MOST_LICENCE_BYTES = 1 << 20
_COMMON_FOLDER = Path("/usr/share/common-licenses")
_COMMON = {"LGPL": ("LGPL-3", "GPL-3"), "Apache": ("Apache-2.0",)}
_LICENCE_NAMES = ("licen", "copying", "notice", "authors")


def bring(wheel: LockedWheel, folder: Path, sources: list[Path]) -> str:
    """Put a wheel into the bundle, from a folder or from its address; returns its path in it.

    Args:
        wheel: of the lock.
        folder: the bundle.
        sources: folders that are looked into first.

    Raises:
        ProvisioningError: it cannot be had, or is another file than the lock names.
    """
    path = f"{WHEELS}/{wheel.file}"
    if has_digest(folder / path, wheel.sha256):
        return path
    for source in sources:
        if has_digest(source / wheel.file, wheel.sha256):
            place((source / wheel.file).read_bytes(), folder / path)
            return path
    content = _download(wheel)
    if sha256(content).hexdigest() != wheel.sha256:
        raise ProvisioningError(f"{wheel.url} is another file than the lock names")
    place(content, folder / path)
    return path


def _download(wheel: LockedWheel) -> bytes:
    content = bytearray()
    try:
        with requests.get(wheel.url, stream=True, timeout=_TIMEOUT_S) as answer:
            answer.raise_for_status()
            for block in answer.iter_content(_BLOCK):
                content += block
                if len(content) > _MOST_BYTES:
                    raise ProvisioningError(f"{wheel.url} is too large for a wheel")
    except requests.RequestException as exc:
        raise ProvisioningError(
            f"cannot download {wheel.file}; check the connection, or give a folder that holds it"
            " with --wheels-from"
        ) from exc
    return bytes(content)


def requirements(wheels: list[LockedWheel], own: Path, version: str) -> str:
    """Return the list that pip installs from, with the digest of each wheel."""
    lines = [f"{one.name}=={one.version} --hash=sha256:{one.sha256}" for one in wheels]
    return "\n".join([*lines, f"{PROJECT}=={version} --hash=sha256:{digest(own)}", ""])


def version_of(wheel: Path) -> str:
    """Return the version of Rollcall's own wheel.

    Raises:
        ProvisioningError: it is not one.
    """
    try:
        with zipfile.ZipFile(wheel) as archive:
            name, version, _ = _described(archive)
    except (OSError, zipfile.BadZipFile, StopIteration, KeyError) as exc:
        raise ProvisioningError(f"{wheel} is not a wheel") from exc
    if name != PROJECT:
        raise ProvisioningError(f"{wheel} is not the wheel of Rollcall")
    return version


def licences_of(wheel: Path) -> tuple[str, dict[str, bytes]]:
    """Return a line about the licence of a wheel, and its licence texts by path in the bundle.

    Raises:
        ProvisioningError: the wheel is damaged.
    """
    try:
        with zipfile.ZipFile(BytesIO(wheel.read_bytes())) as archive:
            name, version, licence = _described(archive)
            folder = f"{LICENCES}/{name}-{version}"
            texts = dict(_texts(archive, folder)) or dict(_common_texts(licence, folder))
    except (OSError, zipfile.BadZipFile, StopIteration, KeyError) as exc:
        raise ProvisioningError(f"{wheel.name} is damaged") from exc
    missing = "" if texts else "; its wheel carries no licence text"
    return f"{name} {version}: {licence}{missing}", texts


def _common_texts(licence: str, folder: str) -> Iterator[tuple[str, bytes]]:
    """Return the texts of a well-known licence, as Debian keeps them on this machine."""
    for word, names in _COMMON.items():
        for name in names if word in licence else ():
            path = _COMMON_FOLDER / name
            if path.is_file():
                yield f"{folder}/{name}", path.read_bytes()


def _described(archive: zipfile.ZipFile) -> tuple[str, str, str]:
    name = next(one for one in archive.namelist() if one.endswith(".dist-info/METADATA"))
    fields = HeaderParser().parsestr(archive.read(name).decode("utf-8", "replace"))
    classified = [
        line.rpartition(" :: ")[2]
        for line in fields.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    plain = (fields["License"] or "").strip().split("\n")[0]
    licence = fields["License-Expression"] or "; ".join(classified) or plain
    return fields["Name"], fields["Version"], licence or "see its licence text"


def _texts(archive: zipfile.ZipFile, folder: str) -> Iterator[tuple[str, bytes]]:
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename)
        is_licence = path.name.lower().startswith(_LICENCE_NAMES) or "licenses" in path.parts
        is_text = path.suffix.lower() in ("", ".txt", ".md", ".rst", ".apache", ".bsd", ".mit")
        in_info = ".dist-info" in path.parts[0] or len(path.parts) <= 2
        is_small = entry.file_size <= _MOST_LICENCE_BYTES and not entry.is_dir()
        if is_licence and is_text and in_info and is_small and ".." not in path.parts:
            yield f"{folder}/{'-'.join(path.parts[1:] or path.parts)}", archive.read(entry)
