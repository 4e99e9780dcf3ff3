"""Accept connections for the embedded broker: strangers are few and have little time."""

import asyncio
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

logger = logging.getLogger(__name__)

#: From the first byte of a connection to the right password, TLS included. Kiosks need less than
#: a second; one on a lossy network tries again.
SIGN_IN_WITHIN_S = 10.0
#: A school's kiosks all reconnect at once after a power cut; more than this wait in the kernel.
MOST_STRANGERS = 100
#: Below the 1,024 open files that a process may have by default.
MOST_CONNECTIONS = 800
_PAUSE_S = 0.1

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class BoundedListener:
    """A listener that closes connections whose client does not sign in.

    Where too many wait to sign in, the one that has waited longest gives way. It has the methods
    of `asyncio.Server` that amqtt uses. Lives in one event loop.

    Args:
        listening: the socket, bound; it is closed at the end.
        serve: handles one connection to its end, and calls `signed_in` in between.
        context: for TLS; None: plain.
        sign_in_within_s: time to sign in, seconds.
        most_strangers: connections that have not signed in.
    """

    def __init__(
        self,
        listening: socket.socket,
        serve: Serve,
        *,
        context: ssl.SSLContext | None,
        sign_in_within_s: float = SIGN_IN_WITHIN_S,
        most_strangers: int = MOST_STRANGERS,
    ) -> None:
        self._socket = listening
        self._serve = serve
        self._context = context
        self._sign_in_within_s = sign_in_within_s
        self._most_strangers = most_strangers
        self._strangers: dict[asyncio.Task[None], asyncio.Timeout] = {}
        self._all: set[asyncio.Task[None]] = set()
        self._accepting = asyncio.get_running_loop().create_task(self._accept())

    def signed_in(self) -> None:
        """Say that the client of the connection that this task serves is known."""
        task = asyncio.current_task()
        deadline = self._strangers.pop(task, None) if task is not None else None
        if deadline is not None:
            deadline.reschedule(None)

    def close(self) -> None:
        """Accept nothing more, and end what has not signed in."""
        self._accepting.cancel()
        for task in list(self._strangers):
            task.cancel()

    async def wait_closed(self) -> None:
        """Wait until nothing is accepted any more."""
        await asyncio.gather(self._accepting, return_exceptions=True)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        with self._socket:
            while True:
                try:
                    connection, _ = await loop.sock_accept(self._socket)
                except OSError:  # no file is left to open, until one of those that wait is closed
                    self._turn_away_oldest()
                    await asyncio.sleep(_PAUSE_S)
                else:
                    self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        if len(self._all) >= MOST_CONNECTIONS:
            connection.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve_one(connection))
        self._all.add(task)
        task.add_done_callback(self._all.discard)

    def _turn_away_oldest(self) -> None:
        oldest = next(iter(self._strangers), None)
        if oldest is not None:
            oldest.cancel()

    async def _serve_one(self, connection: socket.socket) -> None:
        task = asyncio.current_task()
        assert task is not None
        transport: asyncio.BaseTransport | None = None
        try:
            async with asyncio.timeout(self._sign_in_within_s) as deadline:
                self._strangers[task] = deadline
                if len(self._strangers) > self._most_strangers:
                    self._turn_away_oldest()
                reader, writer = await self._open(connection)
                transport = writer.transport
                await self._serve(reader, writer)
        except (TimeoutError, OSError) as exc:  # silent, or no TLS and no certificate of ours
            logger.debug("connection closed before sign-in: %s", type(exc).__name__)
        except asyncio.CancelledError:
            logger.debug("connection closed before sign-in: too many wait")
        except Exception:  # the edge of this task: what a stranger sends ends one connection
            logger.exception("connection failed")
        finally:
            self._strangers.pop(task, None)
            if isinstance(transport, asyncio.Transport):
                transport.abort()
            else:
                connection.close()

    async def _open(
        self, connection: socket.socket
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        opened: asyncio.Future[asyncio.StreamWriter] = loop.create_future()
        protocol = asyncio.StreamReaderProtocol(reader, partial(_put, opened))
        await loop.connect_accepted_socket(lambda: protocol, connection, ssl=self._context)
        return reader, await opened


def _put(
    opened: "asyncio.Future[asyncio.StreamWriter]",
    _reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    if not opened.done():
        opened.set_result(writer)
