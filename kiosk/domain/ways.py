"""Which ways to check in without a face exist at a kiosk now."""

from collections.abc import Collection

from kiosk.domain.credentials import CredentialBook
from protocol.v1.messages import Fallback, HolderKind


def ways_here(
    allowed: Collection[Fallback], book: CredentialBook, *, reads_codes: bool
) -> tuple[Fallback, ...]:
    """Return the ways that the policy allows and that can work here, in a fixed order.

    Args:
        allowed: by the policy.
        book: what this kiosk knows of PINs and cards.
        reads_codes: whether codes of phones can be checked here.
    """
    has_phones = reads_codes and Fallback.QR in allowed and book.has_holders(HolderKind.STAFF)
    has_things = book.has_pins(HolderKind.STAFF) or book.has_cards(HolderKind.STAFF)
    exist = {
        Fallback.QR: reads_codes,
        Fallback.CARD: book.has_cards(HolderKind.PERSON),
        Fallback.PIN: book.has_pins(HolderKind.PERSON),
        Fallback.TEACHER: has_things or has_phones,
    }
    wanted = set(allowed) | ({Fallback.CARD} if Fallback.CARD_ALONE in allowed else set())
    return tuple(way for way, is_there in exist.items() if is_there and way in wanted)
