"""TLS towards a Rollcall server: what is wrong with a certificate, and how to meet a new server.

Used by kiosks and by `rollcall-provision`, so that both believe a new server by the same rule.
"""

import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from http.client import HTTPException, HTTPSConnection
from ipaddress import ip_address
from socket import create_connection
from time import monotonic
from urllib.parse import urlsplit

from protocol.v1.device import TrustOffer
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import MAX_MESSAGE_BYTES, parse_message
from protocol.v1.trust import ca_fingerprint

TRUST_PATH = "/api/v1/devices/trust"
_HTTPS_PORT = 443
_CHUNK_BYTES = 8192
_MOST_CAUSES = 20

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
    address: str, *, fingerprint: str | None, context_for: ContextFor, timeout_s: float
) -> Introduction:
    """Find out which authority a server has, and that its certificate comes from it.

    Nothing but one request without any secret goes to a server that is not verified. The caller
    sends nothing more until `is_confirmed` holds or a person has compared the six words.

    Args:
        address: https, host and port.
        fingerprint: expected, see `ca_fingerprint`; None where nobody knows it yet.
        context_for: makes the contexts that verify.
        timeout_s: for each step.

    Raises:
        UntrustedServerError: the server must not be trusted.
        OSError: no answer.
    """
    if fingerprint is None and _is_public(address, context_for(None), timeout_s):
        return Introduction(None, None, is_confirmed=True)
    offered = _offered_authority(address, timeout_s)
    found = ca_fingerprint(offered)
    if fingerprint not in (None, found):
        raise UntrustedServerError(CertificateFault.OTHER_FINGERPRINT)
    shake_hands(address, context_for(offered), timeout_s)
    return Introduction(offered, found, is_confirmed=fingerprint is not None)


def shake_hands(address: str, context: ssl.SSLContext, timeout_s: float) -> None:
    """Connect and check the certificate; send nothing.

    Raises:
        UntrustedServerError: it is not accepted.
        OSError: no answer.
    """
    host, port = _place(address)
    try:
        with (
            create_connection((host, port), timeout_s) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            pass
    except OSError as exc:
        fault = certificate_fault(exc)
        if fault is None:
            raise
        raise UntrustedServerError(fault) from exc


def _is_public(address: str, context: ssl.SSLContext, timeout_s: float) -> bool:
    """Say whether the system trusts the certificate; another fault than the authority is raised."""
    try:
        shake_hands(address, context, timeout_s)
    except UntrustedServerError as exc:
        if exc.fault is not CertificateFault.FOREIGN_AUTHORITY:
            raise
        return False
    return True


def _offered_authority(address: str, timeout_s: float) -> str:
    """Return the authority that the server states, PEM, unverified."""
    raw = _unverified_answer(address, timeout_s)
    try:
        offered = parse_message(TrustOffer, raw).ca_pem
        first = first_certificate(offered or "")
        ca_fingerprint(first)
    except (ProtocolError, ValueError) as exc:
        raise UntrustedServerError(CertificateFault.FOREIGN_AUTHORITY) from exc
    return first


def _unverified_answer(address: str, timeout_s: float) -> bytes:
    """Ask for the server's authority; the only request that trusts no certificate."""
    host, port = _place(address)
    connection = HTTPSConnection(host, port, timeout=timeout_s, context=_unverified_context())
    deadline_s = monotonic() + timeout_s
    body = bytearray()
    try:
        connection.request("GET", TRUST_PATH, headers={"Accept": "application/json"})
        with connection.getresponse() as answer:
            while answer.status == HTTPStatus.OK and (chunk := answer.read1(_CHUNK_BYTES)):
                body += chunk
                if len(body) > MAX_MESSAGE_BYTES or monotonic() > deadline_s:
                    raise UntrustedServerError(CertificateFault.FOREIGN_AUTHORITY)
    except HTTPException as exc:
        raise UntrustedServerError(CertificateFault.FOREIGN_AUTHORITY) from exc
    except ssl.SSLError as exc:
        raise UntrustedServerError(CertificateFault.NO_TLS) from exc
    finally:
        connection.close()
    return bytes(body)


def _unverified_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _place(address: str) -> tuple[str, int]:
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or _HTTPS_PORT


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
