"""Every dependency installs from a wheel on Raspberry Pi OS, as uv.lock pins it."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from packaging.markers import Marker
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import parse_wheel_filename

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
BOOKWORM = ("3.11", "3.11.2", 36)  # Source: Debian 12: Python 3.11.2, glibc 2.36
TRIXIE = ("3.13", "3.13.5", 41)  # Source: Debian 13: Python 3.13.5, glibc 2.41
System = tuple[str, str, int]

Package = dict[str, Any]


def environment(system: System) -> dict[str, str]:
    return {
        "implementation_name": "cpython",
        "os_name": "posix",
        "platform_machine": "aarch64",
        "platform_python_implementation": "CPython",
        "platform_system": "Linux",
        "python_full_version": system[1],
        "python_version": system[0],
        "sys_platform": "linux",
        "extra": "",
    }


@cache
def tags(system: System) -> frozenset[Tag]:
    """Every wheel tag that pip on 64-bit Raspberry Pi OS accepts."""
    version, _, glibc_minor = system
    minor = int(version.partition(".")[2])
    platforms = [f"manylinux_2_{one}_aarch64" for one in range(glibc_minor, 16, -1)]
    platforms += ["manylinux2014_aarch64", "linux_aarch64"]
    specific = cpython_tags((3, minor), [f"cp3{minor}"], platforms)
    general = compatible_tags((3, minor), f"cp3{minor}", platforms)
    return frozenset([*specific, *general])


@cache
def locked(system: System = BOOKWORM) -> dict[str, Package]:
    """The lock's packages by name; where it forks, the ones for this system."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    return {
        package["name"]: package
        for package in lock["package"]
        if any(applies(m, system) for m in package.get("resolution-markers", [""]))
    }


def applies(marker: str, system: System) -> bool:
    return not marker or Marker(marker).evaluate(environment(system))


def needed(extra: str, system: System = BOOKWORM) -> frozenset[str]:
    """Names of all packages that the project installs with one of its extras."""
    found: set[str] = set()
    project = locked(system)["rollcall"]
    queue = [*project["dependencies"], *project["optional-dependencies"][extra]]
    while queue:
        wanted = queue.pop()
        if not applies(wanted.get("marker", ""), system):
            continue
        package = locked(system)[wanted["name"]]
        if wanted["name"] not in found:
            queue += package.get("dependencies", [])
        for option in wanted.get("extra", []):
            queue += package["optional-dependencies"][option]
        found.add(wanted["name"])
    return frozenset(found)


def wheels_for(package: Package, system: System = BOOKWORM) -> Iterator[str]:
    accepted = tags(system)
    for wheel in package.get("wheels", []):
        name = wheel["url"].rsplit("/", 1)[-1]
        if not accepted.isdisjoint(parse_wheel_filename(name)[3]):
            yield name


@pytest.mark.parametrize("system", [BOOKWORM, TRIXIE], ids=["bookworm", "trixie"])
@pytest.mark.parametrize("extra", ["kiosk", "ml", "provisioning", "server"])
def test_every_dependency_has_a_wheel_on_aarch64(extra: str, system: System) -> None:
    names = needed(extra, system)

    without = sorted(name for name in names if not any(wheels_for(locked(system)[name], system)))

    assert without == []


def test_python_3_13_gets_runtimes_that_were_made_for_it() -> None:
    """There is no tflite-runtime for it, and no numpy below 2."""
    versions = {name: locked(TRIXIE)[name]["version"] for name in ("numpy", "ai-edge-litert")}

    assert "tflite-runtime" not in needed("kiosk", TRIXIE)
    assert all(int(version.split(".")[0]) >= 2 for version in versions.values())


def test_the_kiosk_needs_what_a_kiosk_needs() -> None:
    """Guards the walk itself: an empty walk would prove nothing."""
    assert {"numpy", "opencv-python", "pyside6-essentials"} <= needed("kiosk")
    assert {"ai-edge-litert", "tflite-runtime"} <= needed("kiosk")
    assert len(needed("kiosk")) > 15


@pytest.mark.parametrize(
    ("wheel", "fits"),
    [
        ("pyside6_essentials-6.8.0.2-cp39-abi3-manylinux_2_31_aarch64.whl", True),
        ("pyside6_essentials-6.8.1-cp39-abi3-manylinux_2_39_aarch64.whl", False),
        ("numpy-1.26.4-cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", False),
        ("numpy-1.26.4-cp312-cp312-manylinux_2_17_aarch64.manylinux2014_aarch64.whl", False),
        ("paho_mqtt-2.2.0-py3-none-any.whl", True),
        ("something-1.0-cp311-cp311-musllinux_1_2_aarch64.whl", False),
    ],
)
def test_a_wheel_fits_bookworm_only_by_its_tags(wheel: str, fits: bool) -> None:
    package = {"wheels": [{"url": f"https://index.invalid/{wheel}"}]}

    assert any(wheels_for(package)) is fits
