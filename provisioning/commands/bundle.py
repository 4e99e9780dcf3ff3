"""`bundle`: make the folder from which a kiosk is installed without internet, or check one."""

import argparse
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from provisioning.bundling.folder import MANIFEST, digest, faults_of, place, write_manifest
from provisioning.bundling.lock import TARGETS, BundleTarget, LockedWheel, locked_wheels
from provisioning.bundling.models import bring_models, card_folder
from provisioning.bundling.wheels import (
    LICENCES,
    REQUIREMENTS,
    WHEELS,
    bring,
    licences_of,
    requirements,
    version_of,
)
from provisioning.errors import ProvisioningError
from provisioning.options import EXIT_WORDS, add_command, add_dry_run
from provisioning.outcome import CommandOutcome

if TYPE_CHECKING:
    from provisioning.options import Commands

_EXTRAS = ("kiosk", "provisioning")
_BUILD_S = 300
DEBS = "debs"
_ASSETS = Path("~/.cache/rollcall/assets/models")
_NOTES = """The wheels are those of uv.lock; --python 3.11: Raspberry Pi OS Bookworm and Debian 12,
--python 3.13: Raspberry Pi OS Trixie and Debian 13.
On the kiosk, in a fresh environment:
  pip install --no-index --no-deps --require-hashes --ignore-requires-python \\
      --find-links FOLDER/wheels -r FOLDER/requirements.txt
  rollcall-models install --from FOLDER/models
"""


def add_to(commands: "Commands") -> None:
    """Add the command."""
    command = add_command(
        commands,
        "bundle",
        run,
        words="make the folder from which a kiosk is installed without internet",
        example="rollcall-provision bundle /media/usb/rollcall",
        statuses=f"{EXIT_WORDS}With --check, 1 means that the folder is not whole.\n\n{_NOTES}",
    )
    command.add_argument("folder", metavar="FOLDER", type=Path, help="the bundle")
    command.add_argument("--check", action="store_true", help="only check that FOLDER is whole")
    command.add_argument(
        "--machine",
        choices=("aarch64", "x86_64"),
        default="aarch64",
        help="processor of the kiosks; aarch64: Raspberry Pi and Jetson [aarch64]",
    )
    command.add_argument(
        "--python",
        choices=tuple(TARGETS),
        default="3.11",
        help="Python of the kiosks; 3.11: Bookworm, 3.13: Trixie [3.11]",
    )
    command.add_argument(
        "--lock", type=Path, default=Path("uv.lock"), help="lock of this version [uv.lock]"
    )
    command.add_argument(
        "--wheel", type=Path, help="Rollcall's own wheel; default: built by uv beside the lock"
    )
    command.add_argument(
        "--wheels-from",
        type=Path,
        action="append",
        default=[],
        help="folder with wheels, looked into before anything is downloaded; may be repeated",
    )
    command.add_argument(
        "--models-from",
        type=Path,
        default=_ASSETS.expanduser(),
        help=f"folder with the installed models [{_ASSETS}]",
    )
    command.add_argument(
        "--debs",
        type=Path,
        help="folder with Debian packages for the kiosks, as `apt-get --download-only` leaves them",
    )
    add_dry_run(command, "download nothing; list the wheels")


def run(options: argparse.Namespace) -> CommandOutcome:
    """Make a bundle, or check one."""
    if options.check:
        return _check(options.folder)
    wheels = locked_wheels(options.lock, _EXTRAS, _target(options))
    if options.dry_run:
        facts = {"wheels": [one.file for one in wheels], "dry_run": True}
        listed = "\n".join(one.file for one in wheels)
        return CommandOutcome(f"{listed}\nwould bring {len(wheels)} wheels", facts)
    _claim_folder(options.folder)
    try:
        return _made(options, wheels)
    except OSError as exc:
        raise ProvisioningError(f"cannot write {options.folder}: {exc.strerror}") from exc


def _made(options: argparse.Namespace, wheels: list[LockedWheel]) -> CommandOutcome:
    folder: Path = options.folder
    own, version = _own_wheel(options)
    paths = {own, *(bring(one, folder, options.wheels_from) for one in wheels)}
    cards = card_folder()
    sources = [options.models_from, cards.parent / "weights"]
    models = bring_models(cards, sources, folder)
    notices = []
    for path in sorted(paths):
        line, texts = licences_of(folder / path)
        notices.append(line)
        for name, licence in texts.items():
            place(licence, folder / name)
            paths.add(name)
    place(requirements(wheels, folder / own, version).encode(), folder / REQUIREMENTS)
    text = "\n".join(["Packages", *notices, "", "Models", *models.notices, ""])
    place(text.encode(), folder / LICENCES / "NOTICES.txt")
    paths |= _debs(options.debs, folder)
    paths |= {REQUIREMENTS, f"{LICENCES}/NOTICES.txt", *models.paths}
    files = write_manifest(folder, version, _target(options), paths)
    return _told(folder, sum(one.size_bytes for one in files), len(wheels) + 1, models.left_out)


def _target(options: argparse.Namespace) -> BundleTarget:
    return replace(TARGETS[options.python], machine=options.machine)


def _debs(source: Path | None, folder: Path) -> set[str]:
    """Put Debian packages into the bundle; returns their paths in it."""
    if source is None:
        return set()
    found = sorted(source.glob("*.deb"))
    if not found:
        raise ProvisioningError(f"{source} holds no Debian package")
    for package in found:
        place(package.read_bytes(), folder / DEBS / package.name)
    return {f"{DEBS}/{package.name}" for package in found}


def _told(folder: Path, size_bytes: int, wheels: int, left_out: list[str]) -> CommandOutcome:
    seal = digest(folder / MANIFEST)
    said = f"wrote {folder}: {wheels} wheels, {size_bytes / 1e6:.0f} MB, manifest {seal}"
    if left_out:
        said += f"\nleft out, as they are not installed here: {', '.join(left_out)}"
    facts = {"folder": str(folder), "wheels": wheels, "bytes": size_bytes, "manifest": seal}
    return CommandOutcome(said, {**facts, "left_out": left_out})


def _check(folder: Path) -> CommandOutcome:
    count, faults = faults_of(folder)
    seal = digest(folder / MANIFEST)
    facts = {"files": count, "faults": faults, "manifest": seal}
    if faults:
        return CommandOutcome("\n".join([*faults, f"{folder} is not whole"]), facts, 1)
    return CommandOutcome(f"{folder} is whole: {count} files, manifest {seal}", facts)


def _claim_folder(folder: Path) -> None:
    """Start a new bundle, or go on with one; a folder with other files is left alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / MANIFEST).is_file():
            return
        if any(folder.iterdir()):
            raise ProvisioningError(f"{folder} holds other files; name a new folder")
        place(b"{}\n", folder / MANIFEST)  # until it is complete, nothing takes it as one
    except OSError as exc:
        raise ProvisioningError(f"cannot write {folder}: {exc.strerror}") from exc


def _own_wheel(options: argparse.Namespace) -> tuple[str, str]:
    """Put Rollcall's own wheel into the bundle; returns its path and its version."""
    if options.wheel is not None:
        return _placed(options.wheel, options.folder)
    with tempfile.TemporaryDirectory(prefix="rollcall-wheel-") as folder:
        command = ["uv", "build", "--quiet", "--wheel", "--out-dir", folder]
        try:
            subprocess.run(  # noqa: S603 - a fixed command, no shell
                command,
                cwd=options.lock.resolve().parent,
                check=True,
                capture_output=True,
                timeout=_BUILD_S,
            )
            built = next(Path(folder).glob("*.whl"))
        except (OSError, subprocess.SubprocessError, StopIteration) as exc:
            raise ProvisioningError(
                "cannot build Rollcall's own wheel; build it with `uv build --wheel` and name it"
                " with --wheel"
            ) from exc
        return _placed(built, options.folder)


def _placed(wheel: Path, folder: Path) -> tuple[str, str]:
    version = version_of(wheel)
    path = f"{WHEELS}/{wheel.name}"
    place(wheel.read_bytes(), folder / path)
    return path, version
