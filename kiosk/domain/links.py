"""How the kiosk's links are protected, and the time that certificates are judged by."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum

from kiosk.domain.clock import ClockReading
from protocol.v1.messages import ClockSource


class LinkSecurity(StrEnum):
    """How a link is protected, or why it is not used. Every fault is temporary.

    TLS: encrypted, and the other side's certificate was checked.
    LOCAL: plain, and it never leaves this machine.
    PLAIN: plain, as the setting `allow_plain` allows.
    PLAIN_REFUSED: the other side offers no TLS, and the settings do not allow that.
    EXPIRED, NOT_YET_VALID: the certificate, by this kiosk's clock, which may be wrong.
    FOREIGN_AUTHORITY: the certificate comes from an authority that this kiosk does not know.
    WRONG_NAME: the certificate is for another address.
    OTHER_FINGERPRINT: the authority is not the one that the QR code or the settings name.
    NO_TLS: what answers does not speak TLS.
    """

    TLS = "tls"
    LOCAL = "local"
    PLAIN = "plain"
    PLAIN_REFUSED = "plain_refused"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    FOREIGN_AUTHORITY = "foreign_authority"
    WRONG_NAME = "wrong_name"
    OTHER_FINGERPRINT = "other_fingerprint"
    NO_TLS = "no_tls"

    @property
    def is_fault(self) -> bool:
        """Whether the link is not used because of it."""
        return self not in (LinkSecurity.TLS, LinkSecurity.LOCAL, LinkSecurity.PLAIN)


OLDEST = datetime(2026, 1, 1, tzinfo=UTC)
"""This software is younger, so no clock that shows an earlier time is right."""


@dataclass(frozen=True, slots=True)
class CertificateTime:
    """The time that the period of a certificate is compared with.

    Attributes:
        at: UTC.
        is_exact: it rests on NTP. Otherwise it is a lower bound: a kiosk without a battery-backed
            clock goes on from a time in the past, and the server's clock may have been wrong.
        is_learned: NTP or the server's signed time has checked the clock lately. Otherwise it may
            be ahead for ever, as only the server could say so.
    """

    at: datetime
    is_exact: bool = True
    is_learned: bool = True

    @property
    def to_learn(self) -> "CertificateTime":
        """The time for a link whose answers are signed and tell the time, so that it is learned."""
        return self if self.is_learned else replace(self, at=OLDEST)


def certificate_time(reading: ClockReading) -> CertificateTime:
    """Return the time to judge certificates by.

    NTP's time is taken as it is. Any other makes no certificate "not yet valid", and one "expired"
    only where the wall clock and the server's time agree on it: if either was wrong once, the kiosk
    could otherwise never reach the server that would set it right.
    """
    if reading.source is ClockSource.NTP:
        return CertificateTime(reading.at)
    at = min(reading.at, reading.best_at)
    is_learned = reading.source is ClockSource.SERVER
    return CertificateTime(max(at, OLDEST), is_exact=False, is_learned=is_learned)
