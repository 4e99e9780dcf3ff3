"""What this kiosk trusts its server and broker by: the settings, the claim, and renewals."""

import logging
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificates

from kiosk.config import Settings
from kiosk.domain.clock import Clock
from kiosk.errors import StorageError
from kiosk.storage.authorities import AuthoritiesFile
from kiosk.storage.identity import AUTHORITIES_FILE, ClaimPlace
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient
from kiosk.sync.trust import LinkTrust, are_certificates, clock_time
from protocol.v1.messages import ClaimResponse, ConfigDocument
from protocol.v1.trust import ca_fingerprint

logger = logging.getLogger(__name__)


def address_of(settings: Settings) -> str:
    """Return where the settings say the server is."""
    return str(settings.server_url).rstrip("/")


def proxy_of(settings: Settings) -> str:
    """Return the address of the proxy to the server; empty: none."""
    return settings.http_proxy.get_secret_value() if settings.http_proxy else ""


def authorities_of(settings: Settings, named: str | None) -> str | None:
    """Return the authorities to trust: those that the server named, and the file of the settings.

    Args:
        settings: of this kiosk.
        named: by the server, PEM.

    Returns:
        PEM, empty of certificates where nobody is to be trusted; None: the system's.
    """
    if settings.server_ca is None:
        return named
    return "\n".join((_read(settings.server_ca), named or ""))


def server_trust(settings: Settings, clock: SystemClock, named: str | None = None) -> LinkTrust:
    """Return what the server is trusted by, with the authorities that it named."""
    return LinkTrust(
        authorities_of(settings, named),
        allows_plain=settings.allow_plain,
        time=clock_time(clock),
    )


def broker_trust(settings: Settings, clock: Clock, claim: ClaimResponse) -> LinkTrust:
    """Return what the broker is trusted by: as the claim says, or a later configuration."""
    return LinkTrust(
        AuthoritiesFile(authorities_path(settings)).load_broker(claim),
        allows_plain=settings.allow_plain,
        time=clock_time(clock),
    )


class Authorities:
    """Keeps client and broker link on the authorities that the server names.

    Args:
        settings: of this kiosk.
        claim: in use.
        place: where it was made.
        client: the server's; gets its address and authorities here.
        clock: that certificates are judged by.

    Attributes:
        broker: what the broker is trusted by.
    """

    def __init__(
        self,
        settings: Settings,
        claim: ClaimResponse,
        place: ClaimPlace,
        client: ServerClient,
        clock: SystemClock,
    ) -> None:
        self._settings = settings
        self._claim = claim
        self._client = client
        self._file = AuthoritiesFile(authorities_path(settings))
        self._stored = self._file.load(claim)
        self._is_saved = True
        address = place.address_now(address_of(settings))
        if address != address_of(settings):
            client.use_address(address)
        client.trust.use(authorities_of(settings, self._stored))
        self._is_shared = _is_shared(claim)
        self.broker = broker_trust(settings, clock, claim)

    def follow(self, document: ConfigDocument) -> None:
        """Trust the authorities of a configuration that the server signed, from now on.

        None changes nothing: an older server does not name its authorities.
        """
        named = _readable(document.ca_pem) or self._stored
        broker = self._broker_of(document, named)
        is_known = (named, broker) == (self._stored, self.broker.authorities)
        if is_known and self._is_saved:
            return
        self._store(named, broker)
        self._client.trust.use(authorities_of(self._settings, named))
        self.broker.use(broker)

    def _broker_of(self, document: ConfigDocument, named: str | None) -> str | None:
        """Return the broker's authorities; a server that states none may share its own."""
        stated = _readable(document.broker_ca_pem)
        if stated is not None:
            return stated
        before = self.broker.authorities
        if not self._is_shared or named is None or before is None:
            return before
        return named if _holds(named, before) else before

    def _store(self, named: str | None, broker: str | None) -> None:
        self._stored, self._is_saved = named, False
        try:
            self._file.save(self._claim, named, broker)
        except StorageError as exc:
            logger.warning("authorities of the server not stored, in use until a restart: %s", exc)
        else:
            self._is_saved = True
            logger.info("authorities of server or broker changed")


def authorities_path(settings: Settings) -> Path:
    """Return where the server's newest authorities are kept."""
    return settings.data_dir / "identity" / AUTHORITIES_FILE


def _is_shared(claim: ClaimResponse) -> bool:
    """Say whether server and broker have the same authority, so that both follow a renewal."""
    own = claim.broker.ca_pem if claim.broker else None
    if not own or not claim.ca_pem:
        return False
    try:
        return ca_fingerprint(own) == ca_fingerprint(claim.ca_pem)
    except ValueError:
        return False


def _holds(pem: str, wanted: str) -> bool:
    """Say whether a text holds any of these certificates: the broker's authority is among them."""
    try:
        held, looked_for = (
            {one.public_bytes(Encoding.DER) for one in load_pem_x509_certificates(text.encode())}
            for text in (pem, wanted)
        )
    except ValueError:
        return False
    return bool(held & looked_for)


def _readable(pem: str | None) -> str | None:
    if pem is None or are_certificates(pem):
        return pem
    logger.error("authorities of the configuration unreadable, ignored")
    return None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError) as exc:
        logger.error("server_ca unreadable, skipped: %s", type(exc).__name__)  # noqa: TRY400
        return ""
