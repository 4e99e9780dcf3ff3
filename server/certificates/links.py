"""Which links have TLS, with which files, and which are open to readers on the network."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from intake.tls import CertificateFileError, ServedCertificate
from server.certificates.authority import Use
from server.certificates.folder import CertificateFolder
from server.certificates.names import is_loopback
from server.config import Settings
from server.errors import ConfigurationError


@dataclass(frozen=True)
class CertificateFiles:
    """A certificate with its key.

    Attributes:
        certificate: PEM file.
        key: PEM file; None: in the same file.
    """

    certificate: Path
    key: Path | None = None

    def serve(self) -> ServedCertificate:
        """Open it for a listener.

        Raises:
            ConfigurationError: a file is missing or damaged.
        """
        try:
            return ServedCertificate(self.certificate, self.key)
        except CertificateFileError as exc:
            raise ConfigurationError(f"The certificate cannot be used: {exc}.") from exc


_DAY_S = 24 * 3600


class NetworkLink(StrEnum):
    """A connection that leaves this machine."""

    SERVER = "server"
    BROKER = "broker"
    ML_SERVICE = "ml_service"


_REFUSALS = {
    NetworkLink.SERVER: "The server would serve plain HTTP on {host}, where others can read it."
    " Run `rollcall-server certificates`, listen on 127.0.0.1 behind a proxy, or set"
    " ROLLCALL_SERVER_ALLOW_PLAIN=true.",
    NetworkLink.BROKER: "The broker on {host} would be used without TLS, where others can read it."
    " Run `rollcall-server certificates`, or set ROLLCALL_SERVER_ALLOW_PLAIN=true.",
    NetworkLink.ML_SERVICE: "Photos would go to {host} without TLS, where others can see them. Give"
    " ML_SERVICE_URL an https address, or set ROLLCALL_SERVER_ML_SERVICE_ALLOW_PLAIN=true.",
}


def server_chain(settings: Settings) -> CertificateFiles | None:
    """Return what the server shows over HTTPS; None: it serves HTTP."""
    if settings.tls_certificate is not None:
        return CertificateFiles(settings.tls_certificate, settings.tls_key)
    return _own(settings, Use.SERVER)


def broker_chain(settings: Settings) -> CertificateFiles | None:
    """Return what a broker of this data folder shows; None: it has no certificate."""
    if settings.broker_tls is False:
        return None
    if settings.broker_certificate is not None:
        return CertificateFiles(settings.broker_certificate, settings.broker_key)
    return _own(settings, Use.BROKER)


@dataclass(frozen=True)
class Links:
    """Which certificates this process uses, as they were found when it started.

    A file that comes later changes nothing before a restart: no answer may speak of TLS where
    nothing listens with it. The contents of these files are read again when they are needed.

    Attributes:
        settings: of this process.
        server: what the server shows over HTTPS; None: it serves HTTP.
        broker: what a broker of this data folder shows; None: it has no certificate.
        has_authority: whether the school has an authority here.
    """

    settings: Settings
    server: CertificateFiles | None
    broker: CertificateFiles | None
    has_authority: bool

    @classmethod
    def of(cls, settings: Settings) -> "Links":
        """Look at the files."""
        has_authority = CertificateFolder(settings.data_dir).has_authority
        return cls(settings, server_chain(settings), broker_chain(settings), has_authority)

    @property
    def broker_has_tls(self) -> bool:
        """Whether server and kiosks speak TLS with the broker."""
        stated = self.settings.broker_tls
        return self.broker is not None if stated is None else stated

    @property
    def broker_authorities(self) -> Path | None:
        """The file of the authorities that sign the broker's certificate; None: public ones."""
        if self.settings.broker_ca is not None:
            return self.settings.broker_ca
        if self.settings.broker_certificate is not None or not self.has_authority:
            return None
        return CertificateFolder(self.settings.data_dir).authorities

    def offered_authorities(self) -> str | None:
        """Return the authorities that kiosks must trust for the server's address, PEM.

        The one that signs now is the first. None: the certificate, if any, is a public one.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        if self.settings.tls_ca is not None:
            return _text(self.settings.tls_ca)
        if self.settings.tls_certificate is not None or self.server is None:
            return None
        return _text(CertificateFolder(self.settings.data_dir).authorities)

    def offered_broker_authorities(self) -> str | None:
        """Return the authorities that kiosks must trust for the broker, PEM; None: public ones.

        Raises:
            ConfigurationError: the file cannot be read.
        """
        path = self.broker_authorities if self.broker_has_tls else None
        return _text(path) if path is not None else None

    @property
    def transport_security_s(self) -> int | None:
        """For how long browsers are told to use HTTPS alone, seconds; None: not at all.

        A week for the school's authority: who removes it from the browsers waits no longer.
        """
        settings = self.settings
        if settings.secure_cookies or (settings.tls_certificate and settings.tls_ca is None):
            return 365 * _DAY_S
        return 7 * _DAY_S if self.server is not None else None

    @property
    def is_https(self) -> bool:
        """Whether browsers reach the server over HTTPS alone."""
        return self.settings.secure_cookies or self.server is not None

    def plain(self) -> list[NetworkLink]:
        """Return the links to and from other machines that have no TLS."""
        settings, url = self.settings, self.settings.ml_service_url
        is_plain = {
            NetworkLink.SERVER: not is_loopback(settings.host) and self.server is None,
            NetworkLink.BROKER: not is_loopback(settings.broker_host) and not self.broker_has_tls,
            NetworkLink.ML_SERVICE: url.scheme == "http" and not is_loopback(url.host or ""),
        }
        return [link for link in NetworkLink if is_plain[link]]


def refuse_plain(links: Links, *which: NetworkLink) -> None:
    """Stop a start that would open a link to readers, unless a setting allows it.

    Raises:
        ConfigurationError: says which link, and what to do.
    """
    settings = links.settings
    hosts = {
        NetworkLink.SERVER: settings.host,
        NetworkLink.BROKER: settings.broker_host,
        NetworkLink.ML_SERVICE: settings.ml_service_url.host,
    }
    for link in links.plain():
        is_photos = link is NetworkLink.ML_SERVICE
        is_allowed = settings.ml_service_allow_plain if is_photos else settings.allow_plain
        if link in which and not is_allowed:
            raise ConfigurationError(_REFUSALS[link].format(host=hosts[link]))


def _own(settings: Settings, use: Use) -> CertificateFiles | None:
    path = CertificateFolder(settings.data_dir).leaf(use)
    return CertificateFiles(path) if path.exists() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"The file {path} cannot be read.") from exc
