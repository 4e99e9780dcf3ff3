"""Chooses from uv.lock the wheels that a kiosk on Debian 12 or Raspberry Pi OS needs."""

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
_GLIBC_MINOR = 36
"""Source: Debian 12, on which Raspberry Pi OS Bookworm is built, has glibc 2.36."""
_OLDEST_GLIBC_MINOR = 17
_TARGET = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
    "extra": "",
}
_Package = dict[str, Any]


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


def locked_wheels(lock: Path, extras: Sequence[str], machine: str = "aarch64") -> list[LockedWheel]:
    """Return one wheel for each package that these extras need on Debian 12, by name.

    Args:
        lock: file `uv.lock`.
        extras: of Rollcall.
        machine: aarch64 for a Raspberry Pi or Jetson, x86_64 for a PC.

    Raises:
        ProvisioningError: the lock cannot be read, or a package has no wheel for it.
    """
    target = {**_TARGET, "platform_machine": machine}
    try:
        content = tomllib.loads(lock.read_text(encoding="utf-8"))
        packages = {
            package["name"]: package
            for package in content["package"]
            if any(_applies(one, target) for one in package.get("resolution-markers", [""]))
        }
        names = _needed(packages, extras, target)
        return [_wheel(packages[name], machine) for name in sorted(names)]
    except OSError as exc:
        raise ProvisioningError(f"cannot read {lock}: {exc.strerror}") from exc
    except (AttributeError, KeyError, TypeError, ValueError) as exc:
        raise ProvisioningError(f"{lock} is not the lock of this version of Rollcall") from exc


def _applies(marker: str, target: dict[str, str]) -> bool:
    return not marker or Marker(marker).evaluate(target)


def _needed(
    packages: dict[str, _Package], extras: Sequence[str], target: dict[str, str]
) -> set[str]:
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


def _wheel(package: _Package, machine: str) -> LockedWheel:
    """Return the wheel of a package that fits best, as pip orders tags."""
    order = {tag: place for place, tag in enumerate(_tags(machine))}
    best: tuple[int, LockedWheel] | None = None
    for wheel in package.get("wheels", []):
        file = wheel["url"].rsplit("/", 1)[-1]
        places = [order[tag] for tag in parse_wheel_filename(file)[3] if tag in order]
        if places and (best is None or min(places) < best[0]):
            sha256 = wheel["hash"].removeprefix("sha256:")
            found = LockedWheel(package["name"], package["version"], file, wheel["url"], sha256)
            best = min(places), found
    if best is None:
        raise ProvisioningError(f"{package['name']} has no wheel for this machine in the lock")
    return best[1]


def _tags(machine: str) -> list[Tag]:
    minors = range(_GLIBC_MINOR, _OLDEST_GLIBC_MINOR - 1, -1)
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in minors]
    platforms += [f"manylinux2014_{machine}", f"linux_{machine}"]
    specific = cpython_tags((3, 11), ["cp311"], platforms)
    return [*specific, *compatible_tags((3, 11), "cp311", platforms)]
