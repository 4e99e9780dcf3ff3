"""What this process and the one with the delegate say to each other, over a SEQPACKET socket.

The first message is the order; the child answers READY or REFUSED. Then each RUN is answered by
DONE or FAILED. The tensors themselves lie in shared memory.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from models.runtime.shared_tensors import Shape

MAX_MESSAGE_BYTES = 16_384
RUN = b"run"
READY = b"ready"
DONE = b"done"
REFUSED = b"refused "
FAILED = b"failed "


@dataclass(frozen=True)
class DelegateOrder:
    """What the child is to open.

    Attributes:
        runtime: `tflite` or `litert`.
        library: file of the delegate, as the dynamic linker finds it.
        options: of the delegate.
        content_fd: memory with the model.
        content_bytes: its length.
        tensors_fd: memory of the tensors.
        shapes: of the input, then of the outputs, batch included.
        parent_pid: the child ends when this is no longer its parent.
    """

    runtime: str
    library: str
    content_fd: int
    content_bytes: int
    tensors_fd: int
    shapes: tuple[Shape, ...]
    parent_pid: int
    options: Mapping[str, str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Write it as a message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_bytes(cls, message: bytes) -> Self:
        """Read the message."""
        values = json.loads(message)
        values["shapes"] = tuple(tuple(shape) for shape in values["shapes"])
        return cls(**values)
