"""The process in which a delegate runs. It may hang, crash and be killed at any moment.

Started by `models.runtime.isolated` as `python -P -m models.runtime.delegate_child SOCKET`.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING

from models.errors import ModelRefusedError, RuntimeFaultError
from models.runtime import interpreter, litert, tflite
from models.runtime.delegate_words import (
    DONE,
    FAILED,
    MAX_MESSAGE_BYTES,
    READY,
    REFUSED,
    DelegateOrder,
)
from models.runtime.shared_tensors import SharedTensors

if TYPE_CHECKING:
    from models.runtime.interpreter import TFLiteSession

_PR_SET_PDEATHSIG = 1
"""Source: linux/prctl.h."""


def open_delegated(order: DelegateOrder) -> TFLiteSession:
    """Load the delegate, and the model into it.

    Raises:
        RuntimeUnavailableError: the runtime or the delegate's library is not there, or the
            delegate finds no device.
        ModelRefusedError: the model cannot be loaded, or has other tensors than the order says.
    """
    home = litert if order.runtime == "litert" else tflite
    delegate = interpreter.open_delegate(home.delegate_loader(), order.library, order.options)
    with mmap.mmap(order.content_fd, order.content_bytes, prot=mmap.PROT_READ) as memory:
        content = bytes(memory)
    session = interpreter.load(
        order.runtime,
        home.interpreter_factory(),
        content,
        outputs=[shape[1:] for shape in order.shapes[1:]],
        delegates=(delegate,),
    )
    if session.input_shape != order.shapes[0]:
        raise ModelRefusedError(
            f"the accelerator's file takes {session.input_shape}, its card says {order.shapes[0]}"
        )
    return session


def serve(link: socket.socket, session: TFLiteSession, tensors: SharedTensors) -> None:
    """Run the model whenever asked to, until the other side closes the link."""
    while link.recv(MAX_MESSAGE_BYTES):
        try:
            for place, answer in zip(tensors.answers, session.run(tensors.values), strict=True):
                place[...] = answer
            link.send(DONE)
        except RuntimeFaultError as error:
            link.send(FAILED + _words(error))


def _words(error: Exception) -> bytes:
    return str(error).encode()[: MAX_MESSAGE_BYTES - len(REFUSED)]


def _die_with_parent(parent_pid: int) -> None:
    """A hung driver never notices that nobody waits any more; the kernel does."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent_pid:
        sys.exit(0)


def main(arguments: list[str]) -> int:
    """Take the order and serve."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    link = socket.socket(fileno=int(arguments[0]))
    order = DelegateOrder.from_bytes(link.recv(MAX_MESSAGE_BYTES))
    _die_with_parent(order.parent_pid)
    try:
        try:
            session = open_delegated(order)
        except RuntimeFaultError as error:
            link.send(REFUSED + _words(error))
            return 1
        link.send(READY)
        serve(link, session, SharedTensors(order.tensors_fd, order.shapes))
    except (BrokenPipeError, ConnectionResetError):
        pass  # nobody listens any more
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
