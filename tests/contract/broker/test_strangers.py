"""Connections to the embedded broker that do not sign in."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest

from server.mqtt.listener import BoundedListener

pytestmark = pytest.mark.integration
SOON_S = 0.2
WAIT_S = 10.0
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Door:
    """A listener whose clients sign in by the word "password"."""

    def __init__(self, *, within_s: float = WAIT_S, most: int = 100) -> None:
        listening = socket.create_server(("127.0.0.1", 0))
        listening.settimeout(0)
        self.port: int = listening.getsockname()[1]
        self.listener = BoundedListener(
            listening, self._serve, context=None, sign_in_within_s=within_s, most_strangers=most
        )

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while (line := await reader.readline()) != b"password\n":
            if line == b"fault\n":
                raise ValueError("a fault of one connection")
        self.listener.signed_in()
        writer.write(b"welcome\n")
        while line := await reader.readline():
            writer.write(line)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def sign_in(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await self.connect()
        writer.write(b"password\n")
        assert await asyncio.wait_for(reader.readline(), WAIT_S) == b"welcome\n"
        return reader, writer

    async def close(self, *writers: asyncio.StreamWriter) -> None:
        for writer in writers:
            writer.close()
        self.listener.close()
        await self.listener.wait_closed()


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), WAIT_S) == b""
    except ConnectionResetError:
        return True


def test_silent_connection_is_closed_and_one_that_signed_in_stays() -> None:
    async def run() -> None:
        door = Door(within_s=SOON_S)
        known, known_writer = await door.sign_in()
        silent, writer = await door.connect()
        dripping, other_writer = await door.connect()
        other_writer.write(b"pass")  # a few bytes buy no time
        assert await _is_closed(silent)
        assert await _is_closed(dripping)
        known_writer.write(b"still here\n")
        assert await known.readline() == b"still here\n"
        await door.close(writer, other_writer, known_writer)

    asyncio.run(run())


def test_many_silent_connections_keep_no_client_out() -> None:
    async def run() -> None:
        door = Door(most=5)
        strangers = [await door.connect() for _ in range(40)]
        _, known_writer = await door.sign_in()
        assert await _is_closed(strangers[0][0])
        assert not strangers[-1][0].at_eof()
        await door.close(known_writer, *(writer for _, writer in strangers))

    asyncio.run(run())


def test_fault_of_one_connection_ends_that_one(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        door = Door()
        reader, writer = await door.connect()
        writer.write(b"fault\n")
        assert await _is_closed(reader)
        _, known_writer = await door.sign_in()
        await door.close(writer, known_writer)

    asyncio.run(run())
    assert [record.message for record in caplog.records] == ["connection failed"]


def test_listener_that_is_closed_accepts_nothing_and_drops_strangers() -> None:
    async def run() -> None:
        door = Door()
        stranger, writer = await door.connect()
        _, known_writer = await door.sign_in()
        await door.close(known_writer)
        assert await _is_closed(stranger)
        with pytest.raises(OSError, match=r"refused|Connect"):
            await door.connect()
        writer.close()

    asyncio.run(run())
