"""The Coral USB accelerator as a rung of the ladder."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from models.runtime.attempts import LadderPolicy
from models.runtime.isolated import Delegate, IsolatedSession
from models.runtime.usb import USB_DEVICES, find_coral

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from models.runtime.shared_tensors import Shape

LIBRARY = "libedgetpu.so.1"
"""Source: the soname of libedgetpu, which Debian's dynamic linker finds where it is installed."""


@dataclass(frozen=True)
class AcceleratorSettings:
    """Whether and how an accelerator is used.

    Attributes:
        use: `auto` uses a Coral USB accelerator where the embedder has a file compiled for it,
            `off` does not look. Only one process at a time can use one, so only the kiosk asks.
        library: of the delegate; a name or a path.
        device: which of several, in the delegate's own words such as `usb:0`; empty for any.
        runtime: the one that the library was built for; `auto` takes tflite-runtime where
            installed, else ai-edge-litert.
        usb_devices: the kernel's view of the USB bus.
        policy: patience and limits.
    """

    use: Literal["auto", "off"] = "off"
    library: str = LIBRARY
    device: str = ""
    runtime: Literal["auto", "tflite", "litert"] = "auto"
    usb_devices: Path = USB_DEVICES
    policy: LadderPolicy = field(default_factory=LadderPolicy)
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class EdgeTPU:
    """A model compiled for the Edge TPU, and where to look for the device.

    Attributes:
        content: the compiled file, verified.
        shapes: of the input, then of the outputs, batch included.
        delegate: what runs it.
        usb_devices: the kernel's view of the USB bus.
    """

    content: bytes
    shapes: Sequence[Shape]
    delegate: Delegate
    usb_devices: Path = USB_DEVICES

    def is_present(self) -> bool:
        """Whether the device is plugged in."""
        return find_coral(self.usb_devices) is not None

    def start(self) -> IsolatedSession:
        """Start a process for it; see `IsolatedSession`."""
        return IsolatedSession(self.content, self.shapes, self.delegate)
