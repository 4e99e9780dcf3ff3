"""Puts a kiosk's files onto the boot partition of a flashed card."""

import json
import os
import shutil
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from provisioning.bundling.lock import BOOKWORM, TRIXIE
from provisioning.errors import ProvisioningError
from provisioning.image.card import KioskCard
from provisioning.image.contents import FOLDER, OPTIONAL, System, card_files, start_files

#: What a bundle for a system must be made for.
PYTHON_OF = {System.FIRSTRUN: BOOKWORM, System.CLOUD_INIT: TRIXIE}
_BUNDLE_PARTS = ("requirements.txt", "wheels", "models")


@dataclass(frozen=True)
class Boot:
    """The boot partition of a card, mounted on the technician's computer.

    Attributes:
        path: where it is mounted.
        system: what is on the card.
    """

    path: Path
    system: System

    @classmethod
    def at(cls, path: Path) -> "Boot":
        """Recognise a boot partition.

        Raises:
            ProvisioningError: it is none of Raspberry Pi OS.
        """
        if not (path / "cmdline.txt").is_file() or not (path / "config.txt").is_file():
            raise ProvisioningError(
                f"{path} is not the boot partition of Raspberry Pi OS: write the card with"
                " Raspberry Pi Imager first, and name the folder where its small partition appears"
            )
        has_cloud_init = (path / "user-data").exists() or (path / "meta-data").exists()
        return cls(path, System.CLOUD_INIT if has_cloud_init else System.FIRSTRUN)


def planned(boot: Boot, card: KioskCard) -> dict[str, str]:
    """Return every file to write, by its path below the partition.

    Raises:
        ProvisioningError: the card cannot be read, or is damaged.
    """
    try:
        command_line = (boot.path / "cmdline.txt").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as exc:
        raise ProvisioningError(f"cannot read {boot.path / 'cmdline.txt'}") from exc
    return {**card_files(card), **start_files(boot.system, card, command_line)}


def changed(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Return the paths of those files that are not there yet."""
    return [path for path, text in files.items() if _present(folder / path) != text]


def leftover(parts: Path, names: Collection[Path]) -> list[Path]:
    """Return optional files of an earlier preparation, which this one does not have.

    Another school's Wi-Fi password would stay in the folder, and its authority would be installed.

    Args:
        parts: folder in which the kiosk's own folder lies.
        names: full paths of what this preparation writes.
    """
    return [
        parts / path for path in OPTIONAL if parts / path not in names and _is_there(parts / path)
    ]


def delete(paths: Iterable[Path]) -> None:
    """Delete files.

    Raises:
        ProvisioningError: one cannot be deleted.
    """
    for path in paths:
        try:
            path.unlink(missing_ok=True)
        except OSError as exc:
            raise ProvisioningError(f"cannot delete {path}: {exc.strerror}") from exc


def _is_there(path: Path) -> bool:
    return path.is_symlink() or path.exists()


def make_private(folder: Path) -> None:
    """Make a folder for secrets, which its owner alone reads; one that is there stays as it is.

    Raises:
        ProvisioningError: it cannot be made.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as exc:
        raise ProvisioningError(f"cannot make {folder}: {exc.strerror}") from exc


def write(folder: Path, files: Mapping[str, str]) -> None:
    """Write files and see to it that they are on the card before it is taken out.

    Raises:
        ProvisioningError: the folder's disk is full or read-only.
    """
    try:
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            _write(folder / path, text)
    except OSError as exc:
        raise ProvisioningError(f"cannot write to {folder}: {exc.strerror}") from exc


def refuse_unusable_bundle(bundle: Path | None, folder: Path, system: System) -> None:
    """Refuse a card that could never install itself.

    Raises:
        ProvisioningError: there is no bundle, also none on the card, or it is for another Python.
    """
    folder = bundle or folder / FOLDER / "bundle"
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise ProvisioningError(
            "there are no programs yet: make them with `rollcall-provision bundle`, and name"
            " the folder with --bundle"
        )
    try:
        python = json.loads(manifest.read_text(encoding="utf-8"))["python"]
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise ProvisioningError(f"{manifest} cannot be read; make the bundle again") from exc
    wanted = PYTHON_OF[system]
    if python != wanted.tag:
        raise ProvisioningError(
            f"the bundle is for Python {python}, and the kiosk's system ({system.value}) has"
            f" {wanted.tag}: make it with `rollcall-provision bundle --python {wanted.python}`"
        )


def copy_bundle(bundle: Path, folder: Path) -> int:
    """Copy the programs and models; files that are there already stay.

    Returns:
        How many bytes were copied.

    Raises:
        ProvisioningError: this is no bundle, or the card is full.
    """
    missing = [part for part in _BUNDLE_PARTS if not (bundle / part).exists()]
    if missing:
        raise ProvisioningError(f"{bundle} is not a bundle: it has no {missing[0]}")
    due = [
        (path, folder / FOLDER / "bundle" / path.relative_to(bundle))
        for path in sorted(bundle.rglob("*"))
        if path.is_file()
    ]
    due = [(source, target) for source, target in due if not _is_same(source, target)]
    size = sum(source.stat().st_size for source, _target in due)
    free = shutil.disk_usage(_nearest(folder)).free
    if size > free:
        raise ProvisioningError(
            f"{folder} has {free // 1_000_000} MB left, and the bundle needs {size // 1_000_000} MB"
        )
    try:
        for source, target in due:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    except OSError as exc:
        raise ProvisioningError(f"cannot write to {folder}: {exc.strerror}") from exc
    return size


def _nearest(folder: Path) -> Path:
    """Return the folder, or the one in which it will be made."""
    return next(path for path in (folder, *folder.absolute().parents) if path.exists())


def _present(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _is_same(source: Path, target: Path) -> bool:
    return (
        target.is_file()
        and target.stat().st_size == source.stat().st_size
        and target.read_bytes() == source.read_bytes()
    )


def _write(path: Path, text: str) -> None:
    """Write one file; a card that is taken out too early has the old one or the new one."""
    draft = path.with_name(f"{path.name}.new")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
