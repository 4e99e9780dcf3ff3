"""A screen without glass: Xvfb, with fingers and a card reader by xdotool."""

import os
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_WAIT_S = 20.0
_HEADER = ">25I"  # of an XWD file, see XWDFile.h; big-endian where its version says 7


@dataclass(frozen=True)
class VirtualDisplay:
    """One X display without a window manager.

    Attributes:
        name: for `DISPLAY`, such as `:99`.
        picture: the file that the server keeps its picture in, as XWD.
    """

    name: str
    picture: Path

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to open its window here."""
        return {"DISPLAY": self.name, "QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": ""}

    def tap(self, x_px: int, y_px: int) -> None:
        """Touch a point of the screen."""
        self._do("mousemove", str(x_px), str(y_px), "click", "1")

    def type_card(self, number: str) -> None:
        """Type as a card reader does: fast, with Enter at the end."""
        # There is no window manager that would give the window the keyboard.
        self._do("search", "--onlyvisible", "--name", "Rollcall", "windowfocus", "--sync")
        self._do("type", "--delay", "2", "--args", "1", number, "key", "Return")

    def pixels(self) -> NDArray[np.uint8]:
        """Return what is on the screen now, (H, W, 3) uint8, blue green red."""
        raw = self.picture.read_bytes()
        header = struct.unpack_from(_HEADER, raw)
        size, width, height, line = header[0], header[4], header[5], header[12]
        colors = header[19] * 12
        start = size + colors
        rows = np.frombuffer(raw, np.uint8, count=line * height, offset=start)
        return rows.reshape(height, line)[:, : width * 4].reshape(height, width, 4)[:, :, :3]

    def _do(self, *command: str) -> None:
        env = {**os.environ, "DISPLAY": self.name}
        subprocess.run(["xdotool", *command], check=True, env=env, timeout=_WAIT_S)


@contextmanager
def virtual_display(folder: Path, size: tuple[int, int] = (800, 480)) -> Iterator[VirtualDisplay]:
    """Run an X server without a window manager; it is gone after the block."""
    folder.mkdir(parents=True, exist_ok=True)
    width, height = size
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24"]
    with (folder / "xvfb.log").open("ab") as log:
        server = subprocess.Popen(
            [*command, "-nolisten", "tcp", "-fbdir", str(folder)],
            stdout=log,
            stderr=log,
            pass_fds=(writing,),
        )
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise RuntimeError((folder / "xvfb.log").read_text())
        yield VirtualDisplay(f":{number}", folder / "Xvfb_screen0")
    finally:
        server.terminate()
        server.wait(10)
