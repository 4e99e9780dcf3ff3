"""`rollcall-server broker`: Mosquitto where it is installed, else the embedded broker."""

import asyncio
import contextlib
import logging
import signal
import socket
from functools import partial
from pathlib import Path

from server.certificates.links import Links, NetworkLink, broker_chain, refuse_plain
from server.certificates.upkeep import renew_at_start
from server.config import Settings
from server.db.types import now
from server.errors import ConfigurationError
from server.mqtt.embedded import FleetBroker
from server.mqtt.filling import fill
from server.mqtt.mosquitto import (
    DOCUMENT_NAME,
    become_mosquitto,
    find_mosquitto,
    find_plugin,
    prepare,
)
from server.mqtt.secret import broker_folder, server_password
from server.mqtt.security import prepare_document

logger = logging.getLogger(__name__)


def main(settings: Settings) -> int:
    """Run a broker until it is told to stop (SIGTERM or SIGINT).

    Returns:
        The exit status. Where Mosquitto is used this process becomes Mosquitto and never returns.

    Raises:
        ConfigurationError: the port is taken, Mosquitto is wanted and not installed, or others
            could read what is sent.
    """
    links = Links.of(settings)
    refuse_plain(links, NetworkLink.BROKER)
    if settings.broker_tls and links.broker is None:
        raise ConfigurationError(
            "The broker has no certificate. Run `rollcall-server certificates`, or set"
            " ROLLCALL_SERVER_BROKER_CERTIFICATE."
        )
    renew_at_start(settings, now())
    refuse_taken_port(settings.broker_host, settings.broker_port)
    mosquitto = _wanted_mosquitto(settings)
    if mosquitto is not None:
        program, plugin = mosquitto
        logger.info("Starting Mosquitto on %s:%d", settings.broker_host, settings.broker_port)
        become_mosquitto(program, prepare(settings, plugin))
    asyncio.run(_serve_embedded(settings))
    return 0


def refuse_taken_port(host: str, port: int) -> None:
    """Fail with one clear sentence when the port is taken, before the broker logs many.

    Raises:
        ConfigurationError: the port is in use, or may not be opened.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            raise ConfigurationError(
                f"Port {port} on {host} cannot be opened ({exc.strerror}). Another broker may be"
                " running; stop it, or set ROLLCALL_SERVER_BROKER_PORT to a free port."
            ) from exc


def _wanted_mosquitto(settings: Settings) -> tuple[Path, Path] | None:
    if settings.broker == "embedded":
        return None
    program, plugin = find_mosquitto(), find_plugin()
    if program and plugin:
        return program, plugin
    if settings.broker == "mosquitto":
        raise ConfigurationError(
            "Mosquitto or its dynamic security plugin is not installed. Install the package"
            " mosquitto, or set ROLLCALL_SERVER_BROKER=embedded."
        )
    return None


async def _serve_embedded(settings: Settings) -> None:
    folder = broker_folder(settings)
    document = prepare_document(
        folder / DOCUMENT_NAME,
        settings.broker_username,
        server_password(settings),
        partial(fill, settings=settings),
    )
    logging.getLogger("amqtt").setLevel(logging.WARNING)
    logging.getLogger("transitions").setLevel(logging.WARNING)
    chain = broker_chain(settings)
    served = chain.serve() if chain is not None else None
    host, port = settings.broker_host, settings.broker_port
    broker = FleetBroker(host, port, document, folder, served=served)
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await broker.start()
    following = None
    if served is not None:
        loop.add_signal_handler(signal.SIGHUP, served.look)  # as Mosquitto does
        following = loop.create_task(served.follow())
    logger.info("embedded broker started address=%s port=%d tls=%s", host, port, served is not None)
    await stopped.wait()
    if following is not None:
        following.cancel()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(broker.shutdown(), timeout=5)
