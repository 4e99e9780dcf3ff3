"""What this kiosk knows of PINs and cards. Nothing here can be turned back into a PIN or a card."""

import base64
import hmac
from collections.abc import Container
from dataclasses import dataclass, field

from protocol.v1.checkin import card_hash, is_pin, pin_base, pin_verifier
from protocol.v1.messages import CardKind, CredentialDocument, Holder, HolderKind


@dataclass(frozen=True, slots=True)
class CredentialBook:
    """The holders that one kiosk was told of, with the keys to compare with.

    Comparing a PIN costs about 30 ms on a PC and several times that on a Pi: never in a thread
    that draws.

    Args:
        document: from the server.
        pin_key: of this kiosk, 32 bytes.
        card_key: of the school, 32 bytes.
    """

    document: CredentialDocument | None = None
    pin_key: bytes = field(default=b"", repr=False)
    card_key: bytes = field(default=b"", repr=False)
    _holders: dict[tuple[str, str], Holder] = field(init=False, repr=False)
    _cards: dict[str, tuple[Holder, CardKind]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        holders = () if self.document is None else self.document.holders
        by_id = {(one.kind, one.id): one for one in holders}
        cards = {
            card.hash: (one, CardKind.PRINTED if card.kind == CardKind.PRINTED else CardKind.READER)
            for one in holders
            for card in one.cards
        }
        object.__setattr__(self, "_holders", by_id)
        object.__setattr__(self, "_cards", cards)

    @property
    def used_codes(self) -> frozenset[str]:
        """Ids of codes that other kiosks have seen."""
        return frozenset() if self.document is None else frozenset(self.document.used_codes)

    def holder(self, holder_id: str, kind: HolderKind) -> Holder | None:
        """Return one holder; None where this kiosk was not told of it."""
        return self._holders.get((kind, holder_id))

    def holder_of_card(self, number: str) -> tuple[Holder, CardKind] | None:
        """Return whose card this is, and of which kind; None for a card that is not known here."""
        return self._cards.get(card_hash(number, self.card_key)) if self._cards else None

    def has_holders(self, kind: HolderKind) -> bool:
        """Return whether any holder of this kind is known here, whatever they have."""
        return any(one.kind == kind for one in self._holders.values())

    def has_pins(self, kind: HolderKind) -> bool:
        """Return whether any holder of this kind has a PIN."""
        return any(one.kind == kind and one.pin is not None for one in self._holders.values())

    def has_cards(self, kind: HolderKind) -> bool:
        """Return whether any holder of this kind has a card."""
        return any(one.kind == kind and one.cards for one in self._holders.values())

    def holders_of_pin(
        self, pin: str, kind: HolderKind, among: Container[str] | None
    ) -> list[Holder]:
        """Return who has this PIN: of these people, or of all of this kind."""
        if self.document is None or not is_pin(pin):
            return []
        base = pin_base(pin, base64.b64decode(self.document.pin_salt))
        return [
            one
            for (one_kind, one_id), one in self._holders.items()
            if one_kind == kind and (among is None or one_id in among)
            if self._matches(one, base)
        ]

    def has_pin(self, holder: Holder, pin: str) -> bool:
        """Return whether this is the PIN of a holder."""
        return bool(self.holders_of_pin(pin, HolderKind(holder.kind), {holder.id}))

    def _matches(self, holder: Holder, base: bytes) -> bool:
        if holder.pin is None:
            return False
        return hmac.compare_digest(holder.pin, pin_verifier(base, self.pin_key, holder.id))


NO_CREDENTIALS = CredentialBook()
