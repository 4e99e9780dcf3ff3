"""Sees whether a Coral USB accelerator is plugged in, by what the kernel shows of the USB bus."""

from __future__ import annotations

from enum import Enum
from pathlib import Path

USB_DEVICES = Path("/sys/bus/usb/devices")
"""Source: Documentation/ABI/testing/sysfs-bus-usb, idVendor and idProduct."""


class Coral(Enum):
    """A Coral USB accelerator, by the ids (vendor, product) that it has at the moment.

    Source: github.com/google-coral/edgetpu, issue 536.
    """

    # Its boot loader: the first inference loads the firmware, and it comes back as another device.
    FRESH = ("1a6e", "089a")
    RUNNING = ("18d1", "9302")


def find_coral(devices: Path = USB_DEVICES) -> Coral | None:
    """Look for a Coral USB accelerator.

    Args:
        devices: folder with one folder per USB device. A machine without USB has none.
    """
    by_ids = {coral.value: coral for coral in Coral}
    for vendor_file in sorted(devices.glob("*/idVendor")):
        ids = (_read(vendor_file), _read(vendor_file.with_name("idProduct")))
        if ids in by_ids:
            return by_ids[ids]
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text("ascii").strip().lower()
    except (OSError, UnicodeDecodeError):  # it was pulled out while we looked
        return ""
