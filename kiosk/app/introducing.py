"""Getting to know a server before it gets the claim code."""

import logging
from dataclasses import dataclass

from kiosk.app.server_trust import (
    address_of,
    authorities_of,
    authorities_path,
    proxy_of,
    server_trust,
)
from kiosk.config import Settings
from kiosk.domain.links import LinkSecurity
from kiosk.errors import UnreachableError, UntrustedLinkError
from kiosk.storage.authorities import AuthoritiesFile
from kiosk.storage.earlier import earlier_files
from kiosk.storage.identity import ClaimPlace
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient, Timeouts
from kiosk.sync.trust import LinkTrust, fault_words, plain_refused
from protocol.v1.messages import ClaimResponse
from protocol.v1.tls import Introduction, UntrustedServerError, introduce

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClaimEntry:
    """A claim code, and what came with it.

    Attributes:
        code: as it was typed or scanned.
        address: of the server, from a QR code; empty: the one of the settings.
        fingerprint: of the server's authority, from a QR code or the command line.
        is_patient: nobody waits at the screen: every fault is tried again.
        is_scanned: the camera saw it, so anybody may have shown it.
    """

    code: str
    address: str = ""
    fingerprint: str | None = None
    is_patient: bool = False
    is_scanned: bool = False


class Introducer:
    """Finds out whether a server may get a claim code. Sends nothing secret.

    Args:
        settings: of this kiosk.
        client: of the server; used for a claim of a kiosk that has no other one in use.
        clock: that certificates are judged by.

    Attributes:
        home: where the claim on disk was made.
        is_owned: the kiosk was claimed before: a QR code alone does not give it to another server.
    """

    def __init__(self, settings: Settings, client: ServerClient, clock: SystemClock) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock
        self.home = ClaimPlace()
        self.is_owned = False

    def address(self, entry: ClaimEntry) -> str:
        """Return where the server is: by the QR code, else by the claim, else by the settings."""
        return entry.address or self._home_address

    def address_to_say(self, entry: ClaimEntry) -> str:
        """Return the address where it is another than the settings name; else empty."""
        address = self.address(entry)
        return "" if address == address_of(self._settings) else address

    def place(self, entry: ClaimEntry) -> ClaimPlace:
        """Return the same to keep with the claim."""
        return ClaimPlace(self.address(entry), address_of(self._settings))

    def meet(self, entry: ClaimEntry, present: ClaimResponse | None = None) -> Introduction:
        """Check the server's certificate, as far as that goes without a person.

        Args:
            entry: the code.
            present: the claim in use; its server is known already.

        Raises:
            UntrustedLinkError: it must not get the code.
            UnreachableError: no answer.
        """
        address, trust = self.address(entry), self._client.trust
        if entry.is_scanned:
            self._refuse_stranger(entry, address, present)
        nominal = trust.nominal_of(address)
        fingerprint = entry.fingerprint or self._settings.server_ca_fingerprint
        is_downgrade = nominal is LinkSecurity.PLAIN and fingerprint is not None
        if nominal is LinkSecurity.PLAIN_REFUSED or is_downgrade:
            raise plain_refused()
        if nominal is not LinkSecurity.TLS:
            return Introduction(None, None, is_confirmed=True)
        known = self._known(entry, address, present)
        if known is not None:
            return Introduction(known, None, is_confirmed=True)
        return self._introduced(address, self._fingerprint(entry), trust)

    def target(
        self, entry: ClaimEntry, met: Introduction, present: ClaimResponse | None = None
    ) -> ServerClient:
        """Return a client that trusts the authority that was met, and only that.

        A kiosk with a claim in use goes on with its own client, and only the server of that claim
        may replace it.
        """
        address = self.address(entry)
        if present is None:
            self._client.use_address(address)
            self._client.trust.use(met.ca_pem)
            return self._client
        trust = server_trust(self._settings, self._clock)
        trust.use(met.ca_pem)
        proxy = proxy_of(self._settings)
        client = ServerClient(address, self._clock, self._timeouts(), trust, proxy=proxy)
        client.use_claim(present)
        return client

    def _introduced(self, address: str, fingerprint: str | None, trust: LinkTrust) -> Introduction:
        try:
            return introduce(
                address,
                fingerprint=fingerprint,
                context_for=trust.context_for,
                timeout_s=self._settings.connect_timeout_s,
                proxy=proxy_of(self._settings),
            )
        except UntrustedServerError as exc:
            fault = LinkSecurity(exc.fault.value)
            raise UntrustedLinkError(fault_words(fault), fault) from exc
        except OSError as exc:
            raise UnreachableError(f"no answer: {type(exc).__name__}") from exc

    @property
    def _home_address(self) -> str:
        return self.home.address_now(address_of(self._settings))

    def _refuse_stranger(
        self, entry: ClaimEntry, address: str, present: ClaimResponse | None
    ) -> None:
        """Refuse a QR code that names a server which nothing on this kiosk names.

        Where the claim can be read, its server's signature decides; see `ServerClient.claim`.

        Raises:
            UntrustedLinkError: it names another server or authority than the settings.
        """
        is_of_settings = address == address_of(self._settings)
        named = self._settings.server_ca_fingerprint
        is_owned = self.is_owned or named is not None or self._has_records()
        is_stranger = present is None and is_owned and not is_of_settings
        is_stranger = is_stranger and address != self._home_address
        is_other = is_of_settings and None not in (named, entry.fingerprint)
        if is_stranger or (is_other and str(named).lower() != str(entry.fingerprint).lower()):
            fault = LinkSecurity.OTHER_FINGERPRINT
            raise UntrustedLinkError(fault_words(fault), fault)

    def _has_records(self) -> bool:
        return bool(earlier_files(self._settings.data_dir / "outbox.db"))

    def _known(self, entry: ClaimEntry, address: str, present: ClaimResponse | None) -> str | None:
        """Return the authorities of a server that is known already; None where it is not."""
        if entry.fingerprint is not None:
            return None
        if present is not None and address == self._home_address:
            newest = AuthoritiesFile(authorities_path(self._settings)).load(present)
            return authorities_of(self._settings, newest)
        is_of_settings = address == address_of(self._settings)
        has_file = self._settings.server_ca is not None
        return authorities_of(self._settings, None) if is_of_settings and has_file else None

    def _fingerprint(self, entry: ClaimEntry) -> str | None:
        """Return the fingerprint to expect; the one of the settings is for their server alone."""
        is_of_settings = self.address(entry) == address_of(self._settings)
        if entry.fingerprint is not None or not is_of_settings:
            return entry.fingerprint
        named = self._settings.server_ca_fingerprint
        return None if named is None else named.lower()

    def _timeouts(self) -> Timeouts:
        settings = self._settings
        return Timeouts(settings.connect_timeout_s, settings.read_timeout_s)
