"""Schools with an authority, and servers that record what reaches them past TLS."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from server.certificates.authority import Use, issue, read_signed
from server.certificates.folder import CertificateFolder
from server.db.types import now

#: So long ago that a certificate made then has ended, and its authority has not.
LONG_AGO = timedelta(days=400)


def school(data_dir: Path, *uses: Use, at: datetime | None = None) -> CertificateFolder:
    """A school with an authority and certificates, made now or at another time."""
    folder = CertificateFolder(data_dir)
    folder.ensure(uses or (Use.SERVER, Use.BROKER), school="School", at=at or now())
    return folder


def ended(data_dir: Path, *uses: Use) -> CertificateFolder:
    """A school whose certificates have ended."""
    return school(data_dir, *uses, at=now() - LONG_AGO)


def ended_leaf(folder: CertificateFolder, use: Use) -> str:
    """A certificate of the school that has ended, with its key, PEM."""
    authority = read_signed((folder.path / "authority-key.pem").read_text())
    return issue(authority, use, ("127.0.0.1",), now() - LONG_AGO).pem


def trusting(folder: CertificateFolder) -> ssl.SSLContext:
    """A client that trusts the school's authority alone."""
    return ssl.create_default_context(cafile=str(folder.authorities))


def shown_serial(port: int, context: ssl.SSLContext) -> str:
    """The serial number of the certificate that a listener shows.

    Raises:
        ssl.SSLError: it is not trusted.
    """
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as raw,
        context.wrap_socket(raw, server_hostname="127.0.0.1") as secure,
    ):
        certificate = secure.getpeercert() or {}
        return str(certificate["serialNumber"])


@dataclass
class Eavesdropper:
    """A man in the middle with a certificate; keeps what clients send once TLS stands."""

    port: int
    connections: int = 0
    heard: bytearray = field(default_factory=bytearray)


@contextmanager
def eavesdropper(folder: CertificateFolder, use: Use) -> Iterator[Eavesdropper]:
    """Listen on a loopback port with a certificate of another school."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder.leaf(use))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Eavesdropper(listening.getsockname()[1])
        thread = threading.Thread(target=_listen, args=(listening, context, found), daemon=True)
        thread.start()
        yield found
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


def _listen(listening: socket.socket, context: ssl.SSLContext, found: Eavesdropper) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        found.connections += 1
        connection.settimeout(10)
        with connection, suppress(OSError), context.wrap_socket(connection, server_side=True) as it:
            while received := it.recv(65536):
                found.heard += received
