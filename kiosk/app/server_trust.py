"""What this kiosk trusts its server and broker by: the settings, the claim, and renewals."""

import logging
from pathlib import Path

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
    """Return what the broker is trusted by: the server's authorities where it shares them."""
    own = claim.broker.ca_pem if claim.broker else None
    named = AuthoritiesFile(authorities_path(settings)).load(claim)
    return LinkTrust(
        named if _is_shared(claim) else own,
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
        named = document.ca_pem
        if named is None or named == self._stored:
            return
        if not are_certificates(named):
            logger.error("authorities of the configuration unreadable, ignored")
            return
        self._store(named)
        self._client.trust.use(authorities_of(self._settings, named))
        if self._is_shared:
            self.broker.use(named)
        logger.info("authorities of the server changed")

    def _store(self, named: str) -> None:
        try:
            self._file.save(self._claim, named)
            self._stored = named
        except StorageError as exc:
            logger.warning("authorities of the server not stored, in use until a restart: %s", exc)


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


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii")
    except (OSError, ValueError) as exc:
        logger.error("server_ca unreadable, skipped: %s", type(exc).__name__)  # noqa: TRY400
        return ""
