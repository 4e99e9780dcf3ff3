"""Chooses from uv.lock the wheels that a kiosk on Debian or Raspberry Pi OS needs."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

from provisioning.errors import ProvisioningError

PROJECT = "rollcall"
_OLDEST_GLIBC_MINOR = 17
_Package = dict[str, Any]


@dataclass(frozen=True)
class BundleTarget:
    """The system of the kiosks that a bundle is for.

    Attributes:
        python: of the system, such as 3.11.
        full_python: the same with its last number.
        glibc_minor: the system has glibc 2.N.
        machine: aarch64 for a Raspberry Pi or Jetson, x86_64 for a PC.
    """

    python: str
    full_python: str
    glibc_minor: int
    machine: str = "aarch64"

    @property
    def tag(self) -> str:
        """Python as wheels name it, such as cp311."""
        return f"cp{self.python.replace('.', '')}"

    @property
    def version(self) -> tuple[int, int]:
        """Python as two numbers."""
        major, minor = self.python.split(".")
        return int(major), int(minor)

    @property
    def environment(self) -> dict[str, str]:
        """What markers of the lock ask for."""
        return {
            "implementation_name": "cpython",
            "os_name": "posix",
            "platform_machine": self.machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": self.full_python,
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }


BOOKWORM = BundleTarget("3.11", "3.11.2", 36)
"""Source: Debian 12, on which Raspberry Pi OS Bookworm is built, has glibc 2.36."""
TRIXIE = BundleTarget("3.13", "3.13.5", 41)
"""Source: Debian 13, on which Raspberry Pi OS Trixie is built, has glibc 2.41."""
TARGETS = {one.python: one for one in (BOOKWORM, TRIXIE)}


@dataclass(frozen=True)
class LockedWheel:
    """A wheel as the lock names it.

    Attributes:
        sha256: lower-case hex digits.
    """

    name: str
    version: str
    file: str
    url: str
    sha256: str


def locked_wheels(
    lock: Path, extras: Sequence[str], target: BundleTarget = BOOKWORM
) -> list[LockedWheel]:
    """Return one wheel for each package that these extras need on a system, by name.

    Args:
        lock: file `uv.lock`.
        extras: of Rollcall.
        target: the system.

    Raises:
        ProvisioningError: the lock cannot be read, or a package has no wheel for it.
    """
    try:
        content = tomllib.loads(lock.read_text(encoding="utf-8"))
        packages = {
            package["name"]: package
            for package in content["package"]
            if any(_applies(one, target) for one in package.get("resolution-markers", [""]))
        }
        names = _needed(packages, extras, target)
        return [_wheel(packages[name], target) for name in sorted(names)]
    except OSError as exc:
        raise ProvisioningError(f"cannot read {lock}: {exc.strerror}") from exc
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ProvisioningError(f"{lock} is not the lock of this version of Rollcall") from exc


def _applies(marker: str, target: BundleTarget) -> bool:
    return not marker or Marker(marker).evaluate(target.environment)


def _needed(packages: dict[str, _Package], extras: Sequence[str], target: BundleTarget) -> set[str]:
    found: set[str] = set()
    options: set[tuple[str, str]] = set()
    queue = list(packages[PROJECT]["dependencies"])
    for extra in extras:
        queue += packages[PROJECT]["optional-dependencies"][extra]
    while queue:
        wanted = queue.pop()
        if not _applies(wanted.get("marker", ""), target):
            continue
        name, package = wanted["name"], packages[wanted["name"]]
        if name not in found:
            queue += package.get("dependencies", [])
        for option in wanted.get("extra", []):
            if (name, option) not in options:
                queue += package["optional-dependencies"][option]
                options.add((name, option))
        found.add(name)
    return found


def _wheel(package: _Package, target: BundleTarget) -> LockedWheel:
    """Return the wheel of a package that fits best, as pip orders tags."""
    order = {tag: place for place, tag in enumerate(_tags(target))}
    best: tuple[int, LockedWheel] | None = None
    for wheel in package.get("wheels", []):
        file = wheel["url"].rsplit("/", 1)[-1]
        places = [order[tag] for tag in parse_wheel_filename(file)[3] if tag in order]
        if places and (best is None or min(places) < best[0]):
            sha256 = wheel["hash"].removeprefix("sha256:")
            found = LockedWheel(package["name"], package["version"], file, wheel["url"], sha256)
            best = min(places), found
    if best is None:
        raise ProvisioningError(
            f"{package['name']} has no wheel for Python {target.python} on {target.machine} in the"
            " lock"
        )
    return best[1]


def _tags(target: BundleTarget) -> list[Tag]:
    minors = range(target.glibc_minor, _OLDEST_GLIBC_MINOR - 1, -1)
    platforms = [f"manylinux_2_{minor}_{target.machine}" for minor in minors]
    platforms += [f"manylinux2014_{target.machine}", f"linux_{target.machine}"]
    specific = cpython_tags(target.version, [target.tag], platforms)
    return [*specific, *compatible_tags(target.version, target.tag, platforms)]
