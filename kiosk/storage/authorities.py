"""The certificate authorities that a server named after the claim, as it renews them."""

import json
import logging
from pathlib import Path

from kiosk.errors import StorageError
from kiosk.storage.files import read_if_there, write_private
from protocol.v1.messages import ClaimResponse

logger = logging.getLogger(__name__)


class AuthoritiesFile:
    """One private file; without it the authorities of the claim count.

    Args:
        path: of the file, in the identity folder.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, claim: ClaimResponse) -> str | None:
        """Return the newest authorities of this claim's server, PEM; those of the claim at least.

        What belongs to another claim, or cannot be read, counts as not there.
        """
        return self._kept(claim, "ca_pem", claim.ca_pem)

    def load_broker(self, claim: ClaimResponse) -> str | None:
        """Return the same for this claim's broker."""
        return self._kept(claim, "broker_ca_pem", claim.broker.ca_pem if claim.broker else None)

    def save(self, claim: ClaimResponse, ca_pem: str | None, broker_ca_pem: str | None) -> None:
        """Keep the authorities for this claim; after a power cut the old or the new ones are there.

        Raises:
            StorageError: the disk refuses; the old ones stay.
        """
        kept = {"claim": _name(claim), "ca_pem": ca_pem, "broker_ca_pem": broker_ca_pem}
        write_private(self._path, json.dumps(kept).encode())

    def _kept(self, claim: ClaimResponse, name: str, otherwise: str | None) -> str | None:
        try:
            raw = read_if_there(self._path)
            if raw is None:
                return otherwise
            kept = json.loads(raw)
            found = kept.get(name) if kept["claim"] == _name(claim) else None
            return otherwise if found is None else str(found)
        except (StorageError, ValueError, KeyError, TypeError, AttributeError) as exc:
            words = type(exc).__name__
            logger.warning("stored authorities unreadable, using those of the claim: %s", words)
            return otherwise


def _name(claim: ClaimResponse) -> str:
    made_at = claim.server_time.isoformat(timespec="milliseconds")
    return f"{claim.kiosk_id}/{claim.claim}/{made_at}"
