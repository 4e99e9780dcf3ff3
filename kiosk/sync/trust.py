"""Which certificates the kiosk accepts, and when it may talk without TLS: the one place of it."""

import logging
import ssl
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from kiosk.domain.clock import ClockReading
from kiosk.domain.links import CertificateTime, LinkSecurity, certificate_time
from kiosk.errors import UntrustedLinkError
from protocol.v1.tls import (
    EXPIRED_CODE,
    NOT_YET_VALID_CODE,
    ContextFor,
    certificate_fault,
    is_loopback,
)

logger = logging.getLogger(__name__)

_NO_CHECK_TIME = 0x200000
"""Source: X509_V_FLAG_NO_CHECK_TIME of OpenSSL, x509_vfy.h; Python has no name for it."""
_CLOCK_IS_RIGHT_S = 60.0
_REFUSED = "plain connection refused: use TLS, or set allow_plain"


class ReadableClock(Protocol):
    """Tells the time: `kiosk.sync.clock.SystemClock`."""

    def reading(self) -> ClockReading:
        """The wall clock now, with its quality."""
        ...


def system_time() -> CertificateTime:
    """Return the wall clock as it stands, taken as right."""
    return CertificateTime(datetime.now(UTC))


class LinkTrust:
    """Which certificates count on one link. Safe from any thread.

    Args:
        authorities: PEM; None: those that the system trusts.
        allows_plain: whether the other side may be without TLS when it is another machine.
        time: what periods of certificates are compared with.

    Attributes:
        version: differs after each change of the authorities: contexts made before are old.
        is_proven: every answer is checked against the signature of a server that is known. The
            time is learned from such answers, so a clock that nothing has set refuses none.
    """

    def __init__(
        self,
        authorities: str | None = None,
        *,
        allows_plain: bool = False,
        time: Callable[[], CertificateTime] = system_time,
    ) -> None:
        self._authorities = authorities
        self._time = time
        self._lock = threading.Lock()
        self.allows_plain = allows_plain
        self.version = 0
        self.is_proven = False

    @property
    def authorities(self) -> str | None:
        """What is trusted now, PEM; None: what the system trusts."""
        return self._authorities

    def use(self, authorities: str | None) -> None:
        """Trust these from now on; connections that are open go on until they end."""
        with self._lock:
            if authorities != self._authorities:
                self._authorities = authorities
                self.version += 1

    def context(self) -> ssl.SSLContext:
        """Return a new TLS context that checks the certificate and the name in it."""
        return self.context_for(self._authorities)

    @property
    def context_for(self) -> ContextFor:
        """Makes contexts for other authorities, judged by the same clock."""
        return lambda authorities: dated_context(authorities, self._now)

    def _now(self) -> CertificateTime:
        now = self._time()
        return now.to_learn if self.is_proven else now

    def nominal(self, host: str, *, is_tls: bool) -> LinkSecurity:
        """Return how a link to this host is protected if nothing is wrong with a certificate."""
        if is_tls:
            return LinkSecurity.TLS
        if is_loopback(host):
            return LinkSecurity.LOCAL
        return LinkSecurity.PLAIN if self.allows_plain else LinkSecurity.PLAIN_REFUSED

    def nominal_of(self, url: str) -> LinkSecurity:
        """Return the same for the address of a server."""
        parts = urlsplit(url)
        return self.nominal(parts.hostname or "", is_tls=parts.scheme == "https")


def clock_time(clock: ReadableClock) -> Callable[[], CertificateTime]:
    """Return the time for certificates as this clock tells it."""
    return lambda: certificate_time(clock.reading())


def plain_refused() -> UntrustedLinkError:
    """Return the error for a link that would be plain and may not be."""
    return UntrustedLinkError(_REFUSED, LinkSecurity.PLAIN_REFUSED)


def link_error(error: BaseException) -> UntrustedLinkError | None:
    """Return what an error of a TLS connection means; None where it says nothing of it."""
    fault = certificate_fault(error)
    if fault is None:
        return None
    security = LinkSecurity(fault.value)
    return UntrustedLinkError(fault_words(security), security)


def fault_words(fault: LinkSecurity) -> str:
    """Say in a sentence what is wrong with a link, for logs and the command line."""
    return {
        LinkSecurity.PLAIN_REFUSED: _REFUSED,
        LinkSecurity.EXPIRED: "certificate expired, or this kiosk's clock is wrong",
        LinkSecurity.NOT_YET_VALID: "certificate not yet valid, this kiosk's clock may be wrong",
        LinkSecurity.FOREIGN_AUTHORITY: "certificate from an unknown authority",
        LinkSecurity.WRONG_NAME: "certificate is for another address",
        LinkSecurity.OTHER_FINGERPRINT: "the authority is not the one that was expected",
        LinkSecurity.NO_TLS: "no TLS answer, is the address right",
    }.get(fault, "")


class _DatedSocket(ssl.SSLSocket):
    """Checks the period of the certificate when the handshake is over, before anything is sent."""

    def do_handshake(self, block: bool = False) -> None:
        """See `ssl.SSLSocket.do_handshake`."""
        try:
            super().do_handshake(block)
            if isinstance(self.context, DatedContext):
                self.context.check_period(self)
        except (OSError, ValueError):
            self.close()
            raise


class DatedContext(ssl.SSLContext):
    """Checks chain and name as OpenSSL does, and the period by the kiosk's own idea of the time.

    Where the wall clock is right, OpenSSL checks the period of every certificate. Otherwise this
    class checks the server's certificate and the authority that signed it.
    """

    sslsocket_class = _DatedSocket
    time: Callable[[], CertificateTime] = staticmethod(system_time)
    known: tuple[x509.Certificate, ...] = ()

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        """See `ssl.SSLContext.wrap_socket`."""
        now = self.time()
        off_s = abs((now.at - datetime.now(UTC)).total_seconds())
        is_right = now.is_exact and off_s < _CLOCK_IS_RIGHT_S
        flags = int(self.verify_flags) & ~_NO_CHECK_TIME
        self.verify_flags = ssl.VerifyFlags(flags if is_right else flags | _NO_CHECK_TIME)
        return super().wrap_socket(*args, **kwargs)

    def check_period(self, connection: ssl.SSLSocket) -> None:
        """Compare the period of the certificate, and of its authority, with the time.

        Raises:
            ssl.SSLCertVerificationError: it has ended, or has surely not begun.
        """
        shown = x509.load_der_x509_certificate(connection.getpeercert(binary_form=True) or b"")
        now = self.time()
        for one in (shown, *(known for known in self.known if _has_signed(known, shown))):
            if one.not_valid_after_utc < now.at:
                raise _period_error(EXPIRED_CODE)
            if now.is_exact and one.not_valid_before_utc > now.at:
                raise _period_error(NOT_YET_VALID_CODE)


def dated_context(
    authorities: str | None, time: Callable[[], CertificateTime] = system_time
) -> ssl.SSLContext:
    """Return a TLS context of a client.

    Args:
        authorities: PEM; None: those that the system trusts. A text that is none trusts nobody.
        time: what periods are compared with.
    """
    context = DatedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.time = time
    if authorities is None:
        context.load_default_certs()
    elif are_certificates(authorities):
        context.load_verify_locations(cadata=authorities)
        context.known = tuple(x509.load_pem_x509_certificates(authorities.encode()))
    return context


def are_certificates(pem: str) -> bool:
    """Say whether a text is one PEM certificate or several, all of which can be read."""
    try:
        return bool(x509.load_pem_x509_certificates(pem.encode()))
    except ValueError:
        return False


def _has_signed(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _period_error(code: int) -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "certificate verify failed: its period")
    error.verify_code = code
    error.verify_message = "period"
    return error
