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


def broker_has_tls(settings: Settings) -> bool:
    """Whether server and kiosks speak TLS with the broker."""
    if settings.broker_tls is not None:
        return settings.broker_tls
    return broker_chain(settings) is not None


def broker_authorities(settings: Settings) -> Path | None:
    """Return the file of the authorities that sign the broker's certificate; None: public ones."""
    if settings.broker_ca is not None:
        return settings.broker_ca
    if settings.broker_certificate is not None:
        return None
    folder = CertificateFolder(settings.data_dir)
    return folder.authorities if folder.has_authority else None


def offered_authorities(settings: Settings) -> str | None:
    """Return the authorities that kiosks must trust for the server's address, PEM.

    The one that signs now is the first. None: the certificate, if any, is a public one.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    if settings.tls_ca is not None:
        return _text(settings.tls_ca)
    if settings.tls_certificate is not None or server_chain(settings) is None:
        return None
    return _text(CertificateFolder(settings.data_dir).authorities)


def offered_broker_authorities(settings: Settings) -> str | None:
    """Return the authorities that kiosks must trust for the broker, PEM; None: public ones.

    Raises:
        ConfigurationError: the file cannot be read.
    """
    path = broker_authorities(settings) if broker_has_tls(settings) else None
    return _text(path) if path is not None else None


def transport_security_s(settings: Settings) -> int | None:
    """Return for how long browsers are told to use HTTPS alone, seconds; None: not at all.

    A week for the school's authority: who removes it from the browsers waits no longer.
    """
    if settings.secure_cookies or (settings.tls_certificate and settings.tls_ca is None):
        return 365 * _DAY_S
    return 7 * _DAY_S if server_chain(settings) is not None else None


def is_https(settings: Settings) -> bool:
    """Whether browsers reach the server over HTTPS alone."""
    return settings.secure_cookies or server_chain(settings) is not None


def plain_links(settings: Settings) -> list[NetworkLink]:
    """Return the links to and from other machines that have no TLS."""
    url = settings.ml_service_url
    is_plain = {
        NetworkLink.SERVER: not is_loopback(settings.host) and server_chain(settings) is None,
        NetworkLink.BROKER: not is_loopback(settings.broker_host) and not broker_has_tls(settings),
        NetworkLink.ML_SERVICE: url.scheme == "http" and not is_loopback(url.host or ""),
    }
    return [link for link in NetworkLink if is_plain[link]]


def refuse_plain(settings: Settings, *links: NetworkLink) -> None:
    """Stop a start that would open a link to readers, unless a setting allows it.

    Raises:
        ConfigurationError: says which link, and what to do.
    """
    hosts = {
        NetworkLink.SERVER: settings.host,
        NetworkLink.BROKER: settings.broker_host,
        NetworkLink.ML_SERVICE: settings.ml_service_url.host,
    }
    for link in plain_links(settings):
        is_photos = link is NetworkLink.ML_SERVICE
        is_allowed = settings.ml_service_allow_plain if is_photos else settings.allow_plain
        if link in links and not is_allowed:
            raise ConfigurationError(_REFUSALS[link].format(host=hosts[link]))


def _own(settings: Settings, use: Use) -> CertificateFiles | None:
    path = CertificateFolder(settings.data_dir).leaf(use)
    return CertificateFiles(path) if path.exists() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigurationError(f"The file {path} cannot be read.") from exc
