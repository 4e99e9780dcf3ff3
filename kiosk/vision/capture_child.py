"""The capture process: reads one source and publishes its frames. May be killed at any moment.

Started by ``kiosk.vision.capture`` as ``python -P -m kiosk.vision.capture_child MEMORY PIPE``,
with the source to open on its standard input.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

from kiosk.domain.ports import FrameSource
from kiosk.errors import CameraError
from kiosk.vision.slots import CaptureState, FrameSlots
from kiosk.vision.sources import open_frame_source
from kiosk.vision.spec import SourceSpec

_PR_SET_PDEATHSIG = 1
"""Source: linux/prctl.h."""


def run(
    slots: FrameSlots, notify: Callable[[], None], open_source: Callable[[], FrameSource]
) -> None:
    """Publish frames until the clip is over, the camera fails or nobody listens any more."""
    try:
        source = open_source()
        try:
            _publish(slots, notify, source)
        finally:
            source.close()
    except CameraError as exc:
        slots.finish(CaptureState.FAILED, str(exc))
    except BrokenPipeError:
        return
    notify()


def _publish(slots: FrameSlots, notify: Callable[[], None], source: FrameSource) -> None:
    while (frame := source.read()) is not None:
        slots.write(frame, source.skipped_count)
        notify()
    slots.finish(CaptureState.ENDED)


def _notifier(descriptor: int) -> Callable[[], None]:
    os.set_blocking(descriptor, False)

    def notify() -> None:
        try:
            os.write(descriptor, b"\0")
        except BlockingIOError:
            return  # the reader is behind; it will see the newest frame all the same

    return notify


def _die_with_parent() -> None:
    """A hung driver never notices that nobody listens; the kernel does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def main(arguments: list[str]) -> int:
    """Run with the descriptors given on the command line."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    _die_with_parent()
    memory, pipe, spec = (
        int(arguments[0]),
        int(arguments[1]),
        SourceSpec.from_json(sys.stdin.read()),
    )
    slots = FrameSlots(memory)
    run(slots, _notifier(pipe), lambda: open_frame_source(spec, slots.wanted_turn))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
