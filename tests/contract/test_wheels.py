"""Every kiosk dependency installs from a wheel on Raspberry Pi OS Bookworm, as uv.lock pins it."""

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
GLIBC_MINOR = 36  # Source: Debian 12, on which Raspberry Pi OS Bookworm is built, has glibc 2.36
BOOKWORM = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "aarch64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.2",
    "python_version": "3.11",
    "sys_platform": "linux",
}

Package = dict[str, Any]


def bookworm_tags() -> frozenset[Tag]:
    """Every wheel tag that pip on 64-bit Raspberry Pi OS Bookworm accepts."""
    platforms = [f"manylinux_2_{minor}_aarch64" for minor in range(GLIBC_MINOR, 16, -1)]
    platforms += ["manylinux2014_aarch64", "linux_aarch64"]
    specific = cpython_tags((3, 11), ["cp311"], platforms)
    general = compatible_tags((3, 11), "cp311", platforms)
    return frozenset([*specific, *general])


@cache
def locked() -> dict[str, Package]:
    """The lock's packages by name; where it forks, the ones for Bookworm."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text("utf-8"))
    return {
        package["name"]: package
        for package in lock["package"]
        if any(applies(m) for m in package.get("resolution-markers", [""]))
    }


def applies(marker: str) -> bool:
    return not marker or Marker(marker).evaluate(BOOKWORM | {"extra": ""})


def needed(extra: str) -> frozenset[str]:
    """Names of all packages that the project installs with one of its extras."""
    found: set[str] = set()
    project = locked()["rollcall"]
    queue = [*project["dependencies"], *project["optional-dependencies"][extra]]
    while queue:
        wanted = queue.pop()
        if not applies(wanted.get("marker", "")):
            continue
        package = locked()[wanted["name"]]
        if wanted["name"] not in found:
            queue += package.get("dependencies", [])
        for option in wanted.get("extra", []):
            queue += package["optional-dependencies"][option]
        found.add(wanted["name"])
    return frozenset(found)


def wheels_for_bookworm(package: Package) -> Iterator[str]:
    tags = bookworm_tags()
    for wheel in package.get("wheels", []):
        name = wheel["url"].rsplit("/", 1)[-1]
        if not tags.isdisjoint(parse_wheel_filename(name)[3]):
            yield name


@pytest.mark.parametrize("extra", ["kiosk", "ml", "provisioning", "server"])
def test_every_dependency_has_a_wheel_for_bookworm_on_aarch64(extra: str) -> None:
    names = needed(extra)

    without = sorted(name for name in names if not any(wheels_for_bookworm(locked()[name])))

    assert without == []


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

    assert any(wheels_for_bookworm(package)) is fits
