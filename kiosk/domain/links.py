"""How the kiosk's links are protected, and the time that certificates are judged by."""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from kiosk.domain.clock import ClockReading


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
        is_exact: it rests on NTP or on the server's signed time. Otherwise it is a lower bound: a
            kiosk without a battery-backed clock goes on from a time in the past.
    """

    at: datetime
    is_exact: bool = True


def certificate_time(reading: ClockReading) -> CertificateTime:
    """Return the time to judge certificates by.

    A clock that nothing has set can only lag behind, so it never makes a certificate "not yet
    valid". Otherwise a kiosk without such a clock could not reach the server that tells the time.
    """
    if reading.is_trusted:
        return CertificateTime(reading.best_at)
    return CertificateTime(max(reading.at, OLDEST), is_exact=False)
