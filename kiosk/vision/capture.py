"""A frame source whose reading happens in another process, so that a hung driver can be killed."""

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Sequence
from time import monotonic
from typing import Protocol

from kiosk.domain.camera_turn import CameraTurn
from kiosk.domain.ports import Frame
from kiosk.errors import CameraError
from kiosk.vision.slots import TOTAL_BYTES, CaptureState, FrameSlots
from kiosk.vision.spec import SourceSpec

_KILL_WAIT_S = 5.0


class Capture(Protocol):
    """Frames that can be waited for with a limit."""

    @property
    def is_over(self) -> bool:
        """The clip came to its end and its last frame was taken."""
        ...

    @property
    def skipped_count(self) -> int:
        """Pictures of a clip that could not be read so far."""
        ...

    def wait(self, timeout_s: float) -> Frame | None:
        """The newest frame not yet taken, or None after ``timeout_s`` or at the end.

        Raises:
            CameraError: no frame will come any more.
        """
        ...

    def turn(self, wanted: CameraTurn) -> None:
        """Turn pictures like this from the next one on; returns at once."""
        ...

    def close(self) -> None:
        """End it, whatever it does. May be called twice."""
        ...


def child_command(memory: int, pipe: int) -> list[str]:
    """How the capture process is started; the spec follows on its standard input.

    -P: modules come from where Python is installed, never from the folder the kiosk runs in.
    """
    return [sys.executable, "-P", "-m", "kiosk.vision.capture_child", str(memory), str(pipe)]


class CaptureProcess:
    """A capture process and the memory it shares with this one. Used by one thread.

    The memory is anonymous (memfd): no name, so nothing is left behind however either side dies.
    """

    def __init__(self, spec: SourceSpec, *, command: Sequence[str] = ()) -> None:
        """Start the process.

        Args:
            spec: what it opens.
            command: for tests: started in place of the capture child.

        Raises:
            CameraError: the process cannot be started.
        """
        self._memory = os.memfd_create("rollcall-frames")
        os.ftruncate(self._memory, TOTAL_BYTES)
        self._slots = FrameSlots(self._memory)
        self._slots.ask_turn(spec.options.turn)
        self._read_end, write_end = os.pipe()
        os.set_blocking(self._read_end, False)
        self._taken = 0
        self._is_closed = False
        started = [*command] or child_command(self._memory, write_end)
        try:
            self._process = _start(started, (self._memory, write_end), spec)
        except OSError as exc:
            os.close(self._read_end)
            self._slots.close()
            os.close(self._memory)
            raise CameraError("the capture process cannot be started") from exc
        finally:
            os.close(write_end)

    @property
    def pid(self) -> int:
        """Of the capture process."""
        return self._process.pid

    @property
    def is_over(self) -> bool:
        """See ``Capture.is_over``."""
        return self._slots.state()[0] is CaptureState.ENDED and self._taken >= self._slots.newest()

    @property
    def skipped_count(self) -> int:
        """See ``Capture.skipped_count``."""
        return self._slots.skipped_count()

    def wait(self, timeout_s: float) -> Frame | None:
        """See ``Capture.wait``."""
        until_s = monotonic() + timeout_s
        while True:
            is_alive = self._await_news(max(0.0, until_s - monotonic()))
            frame = self._slots.read_newer(self._taken)
            if frame is not None:
                self._taken = frame.index
                return frame
            if self.is_over:
                return None
            self._raise_if_failed(is_alive=is_alive)
            if monotonic() >= until_s:
                return None

    def turn(self, wanted: CameraTurn) -> None:
        """See ``Capture.turn``."""
        self._slots.ask_turn(wanted)

    def close(self) -> None:
        """See ``Capture.close``."""
        if self._is_closed:
            return
        self._is_closed = True
        self._process.kill()
        self._process.wait(_KILL_WAIT_S)
        os.close(self._read_end)
        self._slots.close()
        os.close(self._memory)

    def _await_news(self, timeout_s: float) -> bool:
        """Wait for the writer to move; False once it is gone."""
        ready, _, _ = select.select([self._read_end], [], [], timeout_s)
        if not ready:
            return True
        return os.read(self._read_end, 65536) != b""

    def _raise_if_failed(self, *, is_alive: bool) -> None:
        state, message = self._slots.state()
        if state is CaptureState.FAILED:
            raise CameraError(message)
        if not is_alive:
            raise CameraError("the capture process ended unexpectedly")


def _start(
    command: Sequence[str], descriptors: tuple[int, int], spec: SourceSpec
) -> subprocess.Popen[bytes]:
    """Start the process; a pipeline may hold a password, so the spec is not on its command line."""
    process = subprocess.Popen(  # noqa: S603  our own module, no shell
        command, pass_fds=descriptors, stdin=subprocess.PIPE
    )
    if process.stdin is not None:
        with contextlib.suppress(BrokenPipeError), process.stdin as pipe:
            pipe.write(spec.to_json().encode())
    return process
