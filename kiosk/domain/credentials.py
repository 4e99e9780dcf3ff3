"""What this kiosk holds of PINs and cards, and whose they are."""

import base64
from collections.abc import Container

from protocol.v1.checkin import (
    CardKind,
    CredentialDocument,
    Holder,
    card_hash,
    pin_base,
    pin_verifier,
)
from protocol.v1.messages import WrappedKey


class CredentialBook:
    """Looks up holders by card and PIN; immutable.

    Args:
        document: as the server sent it.
        pin_key: 32 bytes, of this kiosk.
        card_key: 32 bytes, of the school.
    """

    def __init__(self, document: CredentialDocument, pin_key: bytes, card_key: bytes) -> None:
        self.document = document
        self._pin_key = pin_key
        self._card_key = card_key
        self._cards = {
            card.hash: (holder, _kind(card.kind))
            for holder in document.holders
            for card in holder.cards
        }

    def holder_of_card(self, number: str) -> tuple[Holder, CardKind] | None:
        """Return whose card this is, and its kind; None where nobody's is."""
        return self._cards.get(card_hash(number, self._card_key))

    def holders_of_pin(self, pin: str, among: Container[str]) -> list[Holder]:
        """Return the holders with this PIN among the ids given; takes about 30 ms."""
        base = pin_base(pin, base64.b64decode(self.document.pin_salt))
        return [
            holder
            for holder in self.document.holders
            if holder.id in among and holder.pin == pin_verifier(base, self._pin_key, holder.id)
        ]

    def has_pin(self, holder: Holder, pin: str) -> bool:
        """Say whether this is the holder's PIN; takes about 30 ms."""
        return bool(self.holders_of_pin(pin, {holder.id}))


def _kind(word: str) -> CardKind:
    return CardKind.READER if word == CardKind.READER else CardKind.PRINTED


_NO_KEY = WrappedKey(key_id="none", wrapped="")
NO_CREDENTIALS = CredentialBook(
    CredentialDocument(
        version="none",
        kiosk_id="none",
        pin_salt=base64.b64encode(bytes(16)).decode(),
        pin_key=_NO_KEY,
        card_key=_NO_KEY,
    ),
    bytes(32),
    bytes(32),
)
