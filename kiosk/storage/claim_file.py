"""The claim on disk: what the server gave, and the kiosk's key that it was given for."""

import json
from dataclasses import dataclass, field
from typing import Any

from kiosk.errors import CorruptStoreError
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import ClaimResponse, parse_message

_KEY = "own_signing_key"
_KEY_REFUSED = "key_refused"
_ADDRESS = "server_address"
_SETTING = "server_url_setting"


@dataclass(frozen=True, slots=True)
class ClaimPlace:
    """Where a claim was made.

    Attributes:
        address: of the server; empty in a claim that an earlier version stored.
        setting: what the setting `server_url` said then.
    """

    address: str = ""
    setting: str = ""

    def address_now(self, setting: str) -> str:
        """Return where the server is: as at the claim, until another setting is written."""
        return self.address if self.address and setting == self.setting else setting


@dataclass(frozen=True, slots=True)
class StoredClaim:
    """A claim and the key that it was made with.

    Attributes:
        claim: what the server gave.
        signing_key: public half, base64; empty in a claim that an earlier version stored.
        is_key_refused: the server has said that it knows another key for this kiosk.
        place: where it was made.
    """

    claim: ClaimResponse
    signing_key: str = ""
    is_key_refused: bool = False
    place: ClaimPlace = field(default_factory=ClaimPlace)

    @classmethod
    def parse(cls, raw: bytes) -> "StoredClaim":
        """Read a claim file.

        Raises:
            CorruptStoreError: it is no claim.
        """
        try:
            claim = parse_message(ClaimResponse, raw)
            more: dict[str, Any] = json.loads(raw)
        except (ProtocolError, ValueError) as exc:
            message = "the credentials file of this kiosk is damaged"
            raise CorruptStoreError(message, "claim.json") from exc
        place = ClaimPlace(str(more.get(_ADDRESS, "")), str(more.get(_SETTING, "")))
        return cls(claim, str(more.get(_KEY, "")), more.get(_KEY_REFUSED) is True, place)

    def to_json(self) -> bytes:
        """Return the content of the claim file; an earlier version reads the claim alone."""
        more = {
            _KEY: self.signing_key,
            _KEY_REFUSED: self.is_key_refused,
            _ADDRESS: self.place.address,
            _SETTING: self.place.setting,
        }
        return json.dumps(self.claim.model_dump(mode="json") | more).encode()
