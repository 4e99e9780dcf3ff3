"""The Coral is seen under both its ids, and its absence is no fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from models.runtime.usb import Coral, find_coral

if TYPE_CHECKING:
    from pathlib import Path


def plug(devices: Path, name: str, vendor: str, product: str) -> None:
    (devices / name).mkdir()
    (devices / name / "idVendor").write_text(f"{vendor}\n")
    (devices / name / "idProduct").write_text(f"{product}\n")


@pytest.mark.parametrize(
    ("vendor", "product", "expected"),
    [
        ("1a6e", "089a", Coral.FRESH),
        ("18d1", "9302", Coral.RUNNING),
        ("18D1", "9302", Coral.RUNNING),
        ("18d1", "4ee7", None),
        ("1a6e", "9302", None),
    ],
)
def test_the_ids_tell_what_it_is(
    tmp_path: Path, vendor: str, product: str, expected: Coral | None
) -> None:
    plug(tmp_path, "usb1", "1d6b", "0002")
    plug(tmp_path, "2-1", vendor, product)

    assert find_coral(tmp_path) is expected


def test_a_machine_without_usb_has_none(tmp_path: Path) -> None:
    assert find_coral(tmp_path / "missing") is None


def test_a_device_that_goes_while_it_is_read_is_not_there(tmp_path: Path) -> None:
    plug(tmp_path, "2-1", "1a6e", "089a")
    (tmp_path / "2-1" / "idProduct").unlink()
    (tmp_path / "2-2").mkdir()
    (tmp_path / "2-2" / "idVendor").write_bytes(b"\xff\xff")

    assert find_coral(tmp_path) is None
