"""Getting to know a server before it gets the claim code."""

import logging
from dataclasses import dataclass

from kiosk.app.server_trust import address_of, authorities_of, server_trust
from kiosk.config import Settings
from kiosk.domain.links import LinkSecurity
from kiosk.errors import UnreachableError, UntrustedLinkError
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
    """

    code: str
    address: str = ""
    fingerprint: str | None = None
    is_patient: bool = False


class Introducer:
    """Finds out whether a server may get a claim code. Sends nothing secret.

    Args:
        settings: of this kiosk.
        client: of the server; used for a claim of a kiosk that has no other one in use.
        clock: that certificates are judged by.
    """

    def __init__(self, settings: Settings, client: ServerClient, clock: SystemClock) -> None:
        self._settings = settings
        self._client = client
        self._clock = clock

    def address(self, entry: ClaimEntry) -> str:
        """Return where the server is: the address of the QR code, else that of the settings."""
        return entry.address or address_of(self._settings)

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
        nominal = trust.nominal_of(address)
        if nominal is LinkSecurity.PLAIN_REFUSED:
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
        client = ServerClient(address, self._clock, self._timeouts(), trust)
        client.use_claim(present)
        return client

    def _introduced(self, address: str, fingerprint: str | None, trust: LinkTrust) -> Introduction:
        try:
            return introduce(
                address,
                fingerprint=fingerprint,
                context_for=trust.context_for,
                timeout_s=self._settings.connect_timeout_s,
            )
        except UntrustedServerError as exc:
            fault = LinkSecurity(exc.fault.value)
            raise UntrustedLinkError(fault_words(fault), fault) from exc
        except OSError as exc:
            raise UnreachableError(f"no answer: {type(exc).__name__}") from exc

    def _known(self, entry: ClaimEntry, address: str, present: ClaimResponse | None) -> str | None:
        """Return the authorities of a server that is known already; None where it is not."""
        if entry.fingerprint is not None:
            return None
        if present is not None and address == self._client.address:
            return self._client.trust.authorities
        is_of_settings = address == address_of(self._settings)
        has_file = self._settings.server_ca is not None
        return authorities_of(self._settings, None) if is_of_settings and has_file else None

    def _fingerprint(self, entry: ClaimEntry) -> str | None:
        """Return the fingerprint to expect; the one of the settings is for their server alone."""
        if entry.fingerprint is not None or entry.address not in ("", address_of(self._settings)):
            return entry.fingerprint
        named = self._settings.server_ca_fingerprint
        return None if named is None else named.lower()

    def _timeouts(self) -> Timeouts:
        settings = self._settings
        return Timeouts(settings.connect_timeout_s, settings.read_timeout_s)
