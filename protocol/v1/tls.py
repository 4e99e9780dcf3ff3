"""TLS towards a Rollcall server: what is wrong with a certificate, and how to meet a new server.

Used by kiosks and by `rollcall-provision`, so that both believe a new server by the same rule.
"""

import ssl
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from ipaddress import ip_address
from socket import SHUT_RDWR, socket
from threading import Event, Thread
from time import monotonic
from urllib.parse import SplitResult, unquote, urlsplit

from protocol.v1.device import TrustOffer
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import MAX_MESSAGE_BYTES, parse_message
from protocol.v1.trust import ca_fingerprint

TRUST_PATH = "/api/v1/devices/trust"
_HTTPS_PORT = 443
_CHUNK_BYTES = 8192
_MOST_CAUSES = 20
_CUT_AGAIN_S = 0.05

ContextFor = Callable[[str | None], ssl.SSLContext]
"""Returns the TLS context that trusts these authorities (PEM), or the system's for None."""


class CertificateFault(StrEnum):
    """Why a server's certificate is not accepted.

    EXPIRED, NOT_YET_VALID: by the clock of this machine, which may be wrong.
    FOREIGN_AUTHORITY: signed by an authority that is not trusted here.
    WRONG_NAME: for another address.
    OTHER_FINGERPRINT: the server has another authority than the one expected.
    NO_TLS: what answers does not speak TLS, or not a version of it that counts.
    """

    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    FOREIGN_AUTHORITY = "foreign_authority"
    WRONG_NAME = "wrong_name"
    OTHER_FINGERPRINT = "other_fingerprint"
    NO_TLS = "no_tls"


EXPIRED_CODE = 10
NOT_YET_VALID_CODE = 9
_CODES = {
    NOT_YET_VALID_CODE: CertificateFault.NOT_YET_VALID,
    EXPIRED_CODE: CertificateFault.EXPIRED,
    62: CertificateFault.WRONG_NAME,
    64: CertificateFault.WRONG_NAME,
}
"""Source: X509_V_ERR_* of OpenSSL, x509_vfy.h. Every other code: the chain is not trusted."""


class UntrustedServerError(Exception):
    """A server that must not get anything secret.

    Args:
        fault: what is wrong with its certificate.
    """

    def __init__(self, fault: CertificateFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Introduction:
    """What a server showed before a claim.

    Attributes:
        ca_pem: the one authority to trust, PEM; None: a public certificate, the system's count.
        fingerprint: of that authority; None likewise.
        is_confirmed: nobody needs to compare anything: public, or the fingerprint was expected.
    """

    ca_pem: str | None
    fingerprint: str | None
    is_confirmed: bool


def is_loopback(host: str) -> bool:
    """Say whether a host name or address means this very machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_plain_abroad(address: str) -> bool:
    """Say whether an address is plain HTTP to another machine."""
    parts = urlsplit(address)
    return parts.scheme != "https" and not is_loopback(parts.hostname or "")


def certificate_fault(error: BaseException) -> CertificateFault | None:
    """Return what an error says of a certificate, whatever wraps it; None where it says nothing."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _CODES.get(cause.verify_code, CertificateFault.FOREIGN_AUTHORITY)
        is_cut = isinstance(cause, ssl.SSLEOFError | ssl.SSLZeroReturnError)
        if isinstance(cause, ssl.SSLError) and not is_cut:
            return CertificateFault.NO_TLS
    return None


def first_certificate(pem: str) -> str:
    """Return the first certificate of a PEM text: the only one that a fingerprint vouches for.

    Raises:
        ValueError: there is none.
    """
    start, stop = pem.find(ssl.PEM_HEADER), pem.find(ssl.PEM_FOOTER)
    if start < 0 or stop < start:
        raise ValueError("no certificate")
    return pem[start : stop + len(ssl.PEM_FOOTER)] + "\n"


def introduce(
    address: str,
    *,
    fingerprint: str | None,
    context_for: ContextFor,
    timeout_s: float,
    proxy: str = "",
) -> Introduction:
    """Find out which authority a server has, and that its certificate comes from it.

    Nothing but one request without any secret goes to a server that is not verified. The caller
    sends nothing more until `is_confirmed` holds or a person has compared the six words.

    Args:
        address: https, host and port.
        fingerprint: expected, see `ca_fingerprint`; None where nobody knows it yet.
        context_for: makes the contexts that verify.
        timeout_s: for each of the three connections, from its beginning to its end.
        proxy: address of the proxy to go through; empty: none.

    Raises:
        UntrustedServerError: the server must not be trusted.
        OSError: no answer.
    """
    way = _Way(address, timeout_s, proxy)
    if fingerprint is None and _is_public(way, context_for(None)):
        return Introduction(None, None, is_confirmed=True)
    offered = _offered_authority(way)
    found = ca_fingerprint(offered)
    if fingerprint not in (None, found):
        raise UntrustedServerError(CertificateFault.OTHER_FINGERPRINT)
    _shake_hands(way, context_for(offered))
    return Introduction(offered, found, is_confirmed=fingerprint is not None)


@dataclass(frozen=True, slots=True)
class _Way:
    """How to a server: its address, seconds for a whole connection, and a proxy or none."""

    address: str
    timeout_s: float
    proxy: str = ""

    def connection(self) -> HTTPConnection:
        """Return a connection that is not open yet, without TLS."""
        parts = urlsplit(self.address)
        host, port = parts.hostname or "", parts.port or _HTTPS_PORT
        if not self.proxy:
            return HTTPConnection(host, port, timeout=self.timeout_s)
        proxy = urlsplit(self.proxy)
        kind = HTTPSConnection if proxy.scheme == "https" else HTTPConnection
        connection = kind(proxy.hostname or "", proxy.port, timeout=self.timeout_s)
        connection.set_tunnel(host, port, _proxy_headers(proxy))
        return connection


def _proxy_headers(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    account = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + b64encode(account.encode()).decode()}


@contextmanager
def _connected(way: _Way, context: ssl.SSLContext) -> Iterator[HTTPConnection]:
    """Connect with TLS; whatever the other side does, it ends in time.

    Raises:
        TimeoutError: not over in time.
        OSError: no answer, or a certificate that the context does not accept.
    """
    connection, is_done = way.connection(), Event()
    secured: list[socket] = []  # the connection lets go of it before the end of some answers
    watch = Thread(target=_cut, args=(connection, secured, is_done, way.timeout_s), daemon=True)
    started_s = monotonic()  # first: the watch must not end before this clock says so
    watch.start()
    try:
        connection.connect()
        host = urlsplit(way.address).hostname
        connection.sock = context.wrap_socket(
            connection.sock, server_hostname=host, do_handshake_on_connect=False
        )
        secured.append(connection.sock)
        connection.sock.do_handshake()
        yield connection
        if monotonic() - started_s >= way.timeout_s:  # an answer that was cut looks complete
            raise TimeoutError("no whole answer in time")
    except (OSError, HTTPException) as exc:
        if monotonic() - started_s >= way.timeout_s:
            raise TimeoutError("no whole answer in time") from exc
        raise
    finally:
        is_done.set()
        connection.close()
        watch.join()


def _cut(
    connection: HTTPConnection, secured: list[socket], is_done: Event, timeout_s: float
) -> None:
    """End a connection that is not over in time, also while it becomes a TLS connection."""
    while not is_done.wait(timeout_s):
        timeout_s = _CUT_AGAIN_S
        with suppress(OSError, TypeError):
            socket.shutdown(secured[0] if secured else connection.sock, SHUT_RDWR)


def _shake_hands(way: _Way, context: ssl.SSLContext) -> None:
    """Connect and check the certificate; send nothing.

    Raises:
        UntrustedServerError: it is not accepted.
        OSError: no answer.
    """
    try:
        with _connected(way, context):
            pass
    except HTTPException as exc:
        raise ConnectionError("the proxy does not answer") from exc
    except OSError as exc:
        fault = None if isinstance(exc, TimeoutError) else certificate_fault(exc)
        if fault is None:
            raise
        raise UntrustedServerError(fault) from exc


def _is_public(way: _Way, context: ssl.SSLContext) -> bool:
    """Say whether the system trusts the certificate; another fault than the authority is raised."""
    try:
        _shake_hands(way, context)
    except UntrustedServerError as exc:
        if exc.fault is not CertificateFault.FOREIGN_AUTHORITY:
            raise
        return False
    return True


def _offered_authority(way: _Way) -> str:
    """Return the authority that the server states, PEM, unverified."""
    raw = _unverified_answer(way)
    try:
        offered = parse_message(TrustOffer, raw).ca_pem
        first = first_certificate(offered or "")
        ca_fingerprint(first)
    except (ProtocolError, ValueError) as exc:
        raise UntrustedServerError(CertificateFault.FOREIGN_AUTHORITY) from exc
    return first


def _unverified_answer(way: _Way) -> bytes:
    """Ask for the server's authority; the only request that trusts no certificate."""
    body = bytearray()
    try:
        with _connected(way, _unverified_context()) as connection:
            connection.request("GET", TRUST_PATH, headers=_headers(way))
            with connection.getresponse() as answer:
                while answer.status == HTTPStatus.OK and (chunk := answer.read1(_CHUNK_BYTES)):
                    body += chunk
                    if len(body) > MAX_MESSAGE_BYTES:
                        raise UntrustedServerError(CertificateFault.FOREIGN_AUTHORITY)
    except HTTPException as exc:
        raise UntrustedServerError(CertificateFault.FOREIGN_AUTHORITY) from exc
    except ssl.SSLError as exc:
        raise UntrustedServerError(CertificateFault.NO_TLS) from exc
    return bytes(body)


def _headers(way: _Way) -> dict[str, str]:
    return {"Accept": "application/json", "Host": urlsplit(way.address).netloc}


def _unverified_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk through an error and what it wraps, as libraries nest them in different ways."""
    waiting: list[object] = [error]
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_CAUSES:
        cause = waiting.pop(0)
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
