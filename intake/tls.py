"""Serves TLS with a certificate that may be renewed while the process runs."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 2.0

Stamp = tuple[tuple[int, int, int] | None, ...]


class CertificateFileError(Exception):
    """A file of certificates or keys cannot be used; the message says which and why."""


class ServedCertificate:
    """The SSL context of a listener, which takes a renewed file without a restart.

    Connections that are open keep the certificate they began with.

    Attributes:
        context: for the listener; TLS 1.2 or newer, TLS 1.3 where clients need a certificate.
    """

    def __init__(
        self, certificate: Path, key: Path | None = None, *, client_ca: Path | None = None
    ) -> None:
        """Read the files.

        Args:
            certificate: PEM, the listener's certificate first, then those that signed it.
            key: PEM of the private key; None: it is in the same file.
            client_ca: PEM of the authorities that sign clients; only such clients are let in.

        Raises:
            CertificateFileError: a file is missing, or is no such file.
        """
        self._files = tuple(file for file in (certificate, key, client_ca) if file is not None)
        self._certificate = certificate
        self._key = key
        self._client_ca = client_ca
        self._is_failing = False
        self._stamp = self._stamp_now()
        self.context = self._current = self._fresh()
        if client_ca is not None:
            self.context.sni_callback = self._use_current

    def look(self) -> bool:
        """Take in renewed files; return whether there were any.

        Call it from the thread that accepts connections. A file that cannot be used changes
        nothing, and is tried again with the next look.
        """
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return False
        try:
            fresh = self._fresh()  # a context must not be left with a certificate that has no key
            if self._client_ca is None:
                self._load(self.context)
            self._current = fresh
        except CertificateFileError as error:
            if not self._is_failing:
                logger.warning("renewed certificate not usable, the earlier one serves: %s", error)
            self._is_failing = True
            return False
        self._stamp, self._is_failing = stamp, False
        logger.info("certificate reloaded file=%s", self._certificate.name)
        return True

    async def follow(self, every_s: float = LOOK_EVERY_S) -> None:
        """Look for renewed files until the task is cancelled.

        Args:
            every_s: between two looks, seconds.
        """
        while True:
            await asyncio.sleep(every_s)
            self.look()

    def _fresh(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self._client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            # A session that is resumed is not checked again, and TLS 1.2 cannot refuse to.
            context.minimum_version = ssl.TLSVersion.TLSv1_3
            context.num_tickets = 0
        self._load(context)
        return context

    def _use_current(self, connection: ssl.SSLObject, _name: str | None, _context: object) -> None:
        """Judge a client by the newest authorities: a context that is in use only takes more."""
        connection.context = self._current

    def _load(self, context: ssl.SSLContext) -> None:
        names = ", ".join(str(file) for file in self._files)
        try:
            context.load_cert_chain(self._certificate, self._key)
            if self._client_ca is not None:
                context.load_verify_locations(self._client_ca)
        except ssl.SSLError as error:
            raise CertificateFileError(
                f"{names} must be PEM: a certificate and the private key that fits it"
            ) from error
        except OSError as error:
            raise CertificateFileError(f"{names}: {error.strerror}") from error

    def _stamp_now(self) -> Stamp:
        return tuple(_stamp(file) for file in self._files)


def drop_idle(connections: Iterable[Any]) -> None:
    """Cut the connections of uvicorn that serve no request, as the server ends.

    Over TLS a polite end waits for the client's farewell, up to 30 s, and a client that keeps a
    connection for later sends none.
    """
    for connection in list(connections):
        cycle = getattr(connection, "cycle", None)
        if connection.transport is not None and (cycle is None or cycle.response_complete):
            connection.transport.abort()


def _stamp(file: Path) -> tuple[int, int, int] | None:
    """Return what changes when a file is replaced or written; None: there is none."""
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
