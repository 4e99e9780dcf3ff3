"""Ends a listener without a failed request: what a client may have sent is answered first."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import select
import socket
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

#: A client that has connected and sends nothing for so long is a browser that prepares for later.
FIRST_REQUEST_WITHIN_S = 1.0
_LOOK_S = 0.01
_SO_ATTACH_FILTER = 26
#: One instruction of the classic packet filter: BPF_RET | BPF_K with 0, keep nothing.
_KEEP_NOTHING = struct.pack("HBBI", 0x06, 0, 0, 0)


def refuse_new(listener: socket.socket) -> None:
    """Let nobody connect any more; who is connected and was not accepted yet can still be.

    A listener that is closed at once resets those. Without the filter of Linux they are only as
    few as come between the last accept and the close.
    """
    program = ctypes.create_string_buffer(_KEEP_NOTHING)
    words = struct.pack("HL", 1, ctypes.addressof(program))
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, words)


async def drain(
    listeners: Iterable[socket.socket],
    connections: Callable[[], Collection[Any]],
    *,
    within_s: float = FIRST_REQUEST_WITHIN_S,
) -> None:
    """Accept who has connected, and wait until the first request of each is read.

    Args:
        listeners: served by the running event loop; nobody can connect to them afterwards.
        connections: returns uvicorn's connections that are open now.
        within_s: longest wait for first requests, seconds.
    """
    loop = asyncio.get_running_loop()
    end_s = loop.time() + within_s
    listeners = list(listeners)
    for listener in listeners:
        refuse_new(listener)
    while loop.time() < end_s:
        # The event loop accepts and reads in between.
        await asyncio.sleep(_LOOK_S)
        waiting, _, _ = select.select(listeners, [], [], 0)
        if not waiting and all(getattr(one, "cycle", one) is not None for one in connections()):
            return
