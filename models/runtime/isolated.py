"""A model on an accelerator, in a separate process that may hang, crash and be killed."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from models.errors import AcceleratorError, AcceleratorFault, InferenceError
from models.runtime.delegate_words import (
    DONE,
    FAILED,
    MAX_MESSAGE_BYTES,
    READY,
    REFUSED,
    RUN,
    DelegateOrder,
)
from models.runtime.shared_tensors import Shape, SharedTensors, reserve, size_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.runtime.session import FloatArray

_MODULE = "models.runtime.delegate_child"


@dataclass(frozen=True)
class Delegate:
    """A delegate's library and what opens it.

    Attributes:
        library: file name, searched for as the dynamic linker does, or path.
        runtime: `tflite` or `litert`: the one that the library was built for.
        options: of the delegate.
    """

    library: str
    runtime: str
    options: Mapping[str, str] = field(default_factory=dict)


class IsolatedSession:
    """An `InferenceSession` whose model runs in a child process, with a deadline for each run.

    After an `AcceleratorError` it is of no further use: close it. Where a driver holds on to the
    killed process, `has_ended` says when it is gone.

    Attributes:
        deadline_s: longest time of one run. May be changed between two runs.
    """

    def __init__(self, content: bytes, shapes: Sequence[Shape], delegate: Delegate) -> None:
        """Start the process; `open` waits for it.

        Args:
            content: a .tflite file, verified.
            shapes: of the input, then of the outputs, batch included.
            delegate: what runs it.

        Raises:
            AcceleratorError: the system starts no process.
        """
        self.runtime = f"{delegate.runtime} with {delegate.library}"
        self.input_shape = shapes[0]
        self.output_shapes = tuple(shapes[1:])
        self.deadline_s = 0.0
        self._is_closed = False
        model = reserve("rollcall-model", content)
        memory = reserve("rollcall-tensors", size_bytes(shapes))
        self._order = DelegateOrder(
            runtime=delegate.runtime,
            library=delegate.library,
            options=dict(delegate.options),
            content_fd=model,
            content_bytes=len(content),
            tensors_fd=memory,
            shapes=tuple(shapes),
            parent_pid=os.getpid(),
        )
        try:
            self._tensors = SharedTensors(memory, shapes)
            self._link, self._process = _start((model, memory))
        except OSError as error:
            raise AcceleratorError(
                AcceleratorFault.FAILED, f"the accelerator's process cannot be started: {error}"
            ) from error
        finally:
            os.close(model)
            os.close(memory)

    def open(self, deadline_s: float) -> None:
        """Wait until the child has opened delegate and model.

        Args:
            deadline_s: longest time until then, and of each run until it is changed.

        Raises:
            AcceleratorError: it has not.
        """
        self.deadline_s = deadline_s
        self._ask(self._order.to_bytes(), READY)

    @property
    def pid(self) -> int:
        """Of the child process."""
        return self._process.pid

    def run(self, values: FloatArray) -> tuple[FloatArray, ...]:
        """Run the model once; see `InferenceSession.run`.

        Raises:
            InferenceError: the values have the wrong shape.
            AcceleratorError: the child hung, crashed or failed.
        """
        if values.shape != self.input_shape:
            raise InferenceError(f"the model takes {self.input_shape}, not {values.shape}")
        self._tensors.values[...] = values
        self._ask(RUN, DONE)
        return tuple(answer.copy() for answer in self._tensors.answers)

    def has_ended(self) -> bool:
        """Whether the child process is gone. A driver can hold on to one that was killed."""
        return self._process.poll() is not None

    def wait_for_end(self, timeout_s: float) -> bool:
        """Wait for a killed child process to be gone; False where it is not by then."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def close(self) -> None:
        """Kill the child process, without waiting for it. May be called twice, from any thread."""
        if not self._is_closed:
            self._is_closed = True
            self._process.kill()
            with contextlib.suppress(OSError):
                self._link.shutdown(socket.SHUT_RDWR)  # wakes a run that waits in another thread
            self._link.close()

    def _ask(self, message: bytes, wanted: bytes) -> None:
        answer = self._exchange(message)
        if answer == wanted:
            return
        if answer is None:
            raise AcceleratorError(
                AcceleratorFault.HUNG, f"the accelerator gave no answer in {self.deadline_s:g} s"
            )
        for prefix, fault in (
            (REFUSED, AcceleratorFault.REFUSED),
            (FAILED, AcceleratorFault.FAILED),
        ):
            if answer.startswith(prefix):
                raise AcceleratorError(
                    fault, answer.removeprefix(prefix).decode("utf-8", "replace")
                )
        raise AcceleratorError(
            AcceleratorFault.CRASHED, "the accelerator's process ended by itself"
        )

    def _exchange(self, message: bytes) -> bytes | None:
        """Send and wait: the answer, empty where the child is gone, None at the deadline."""
        until_s = monotonic() + self.deadline_s
        try:
            self._link.send(message)
            poll = select.poll()
            poll.register(self._link, select.POLLIN)
            if not poll.poll(max(0.0, until_s - monotonic()) * 1000):
                return None
            return self._link.recv(MAX_MESSAGE_BYTES)
        except (OSError, ValueError):  # gone, or closed by another thread
            return b""


def _start(descriptors: tuple[int, int]) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.set_inheritable(False)
    with theirs:
        # -P: modules come from where Python is installed, never from the folder we run in.
        command = [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno())]
        try:
            process = subprocess.Popen(  # noqa: S603  our own module, no shell
                command, pass_fds=(*descriptors, theirs.fileno()), stdin=subprocess.DEVNULL
            )
        except OSError:
            ours.close()
            raise
    return ours, process
