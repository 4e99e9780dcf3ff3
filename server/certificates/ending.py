"""Which certificates end soon, for /health and the Today page."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509

from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder
from server.certificates.links import Links
from server.certificates.names import is_loopback
from server.errors import ConfigurationError

WARNED_BEFORE = timedelta(days=14)
#: A person has to copy a file to another machine.
_HAND_OVER_WARNED_BEFORE = timedelta(days=30)
_BEFORE_ALL = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class CertificateEnding:
    """When one certificate of this server ends.

    Attributes:
        use: what it is for: server, broker or ml-client.
        ends_at: UTC; None: it cannot be read.
    """

    use: Use
    ends_at: datetime | None

    def is_over(self, at: datetime) -> bool:
        """Whether nobody trusts it any more."""
        return self.ends_at is None or self.ends_at <= at

    def is_due(self, at: datetime) -> bool:
        """Whether a person must be told."""
        return self.ends_at is None or self.ends_at - at <= WARNED_BEFORE


def endings(links: Links) -> list[CertificateEnding]:
    """Return when the certificates that this server shows end, the first to end first."""
    server, broker = links.server, links.broker
    files: dict[Use, Path | None] = {
        Use.SERVER: server.certificate if server else None,
        Use.BROKER: broker.certificate if broker else None,
        Use.ML_CLIENT: links.settings.ml_service_client_certificate,
    }
    found = [
        CertificateEnding(use, _ends_at(path)) for use, path in files.items() if path is not None
    ]
    return sorted(found, key=lambda one: one.ends_at or _BEFORE_ALL)


def authority_to_copy_by(links: Links, at: datetime) -> datetime | None:
    """Return by when an ML service on another machine must know the next authority, UTC.

    None: there is no such service, or no hand-over within 30 days.
    """
    settings = links.settings
    folder, shown = CertificateFolder(settings.data_dir), settings.ml_service_client_certificate
    is_ours = shown is not None and shown.resolve() == folder.leaf(Use.ML_CLIENT)
    if not is_ours or is_loopback(settings.ml_service_url.host or ""):
        return None
    with suppress(ConfigurationError, OSError):  # a damaged file is logged by the renewal
        signs_at = folder.next_signs_at(at)
        if signs_at is not None and signs_at - at <= _HAND_OVER_WARNED_BEFORE:
            return signs_at
    return None


def _ends_at(path: Path) -> datetime | None:
    try:
        return _read(path, path.stat().st_mtime_ns)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=16)
def _read(path: Path, _changed_ns: int) -> datetime:
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
