"""A screen without glass: Xvfb, with fingers and a card reader by xdotool."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ATTEMPTS_S = 20.0


@dataclass(frozen=True)
class VirtualDisplay:
    """One X display.

    Attributes:
        name: for `DISPLAY`, such as `:99`.
    """

    name: str

    @property
    def env(self) -> dict[str, str]:
        """What a process needs to open its window here."""
        return {"DISPLAY": self.name, "QT_QPA_PLATFORM": "xcb", "WAYLAND_DISPLAY": ""}

    def tap(self, x_px: int, y_px: int) -> None:
        """Touch a point of the screen."""
        self._do("mousemove", str(x_px), str(y_px), "click", "1")

    def type_card(self, number: str) -> None:
        """Type as a card reader does: fast, with Enter at the end."""
        self._do("type", "--delay", "2", number)
        self._do("key", "Return")

    def _do(self, *command: str) -> None:
        env = {**os.environ, "DISPLAY": self.name}
        subprocess.run(["xdotool", *command], check=True, env=env, timeout=_ATTEMPTS_S)


@contextmanager
def virtual_display(folder: Path, size: tuple[int, int] = (800, 480)) -> Iterator[VirtualDisplay]:
    """Run an X server without a window manager; it is gone after the block."""
    width, height = size
    reading, writing = os.pipe()
    command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", f"{width}x{height}x24"]
    with (folder / "xvfb.log").open("ab") as log:
        server = subprocess.Popen(
            [*command, "-nolisten", "tcp"], stdout=log, stderr=log, pass_fds=(writing,)
        )
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            number = pipe.readline().strip()
        if not number:
            raise RuntimeError((folder / "xvfb.log").read_text())
        yield VirtualDisplay(f":{number}")
    finally:
        server.terminate()
        server.wait(10)
