"""Ways to check in without a face: what kiosks hold of PINs and cards, and the QR on a phone."""

import base64
import binascii
import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import Field

from protocol.v1.device import WrappedKey
from protocol.v1.fields import Base64Text, Hash, Identifier, KioskId, Label, Message, Word

PIN_DIGITS = 6
PIN_SALT_BYTES = 16
CODE_LIFETIME = timedelta(seconds=60)
"""How long a QR on a phone is valid; the page shows a new one every 20 s."""
CODE_TOLERANCE = timedelta(seconds=30)
"""Clocks of kiosk and server may differ by this much."""
MAX_SCAN_CHARS = 512
"""More than this was never typed by a card reader, nor stands in a QR of ours."""
MAX_CARD_CHARS = 64
MAX_HOLDERS = 20_000
MAX_CARDS = 8
MAX_USED_CODES = 1000
_CODE_PREFIX = "RC1"
_CARD_PREFIX = "RCC1"
_CARD_BYTES = 15
_CODE_BYTES = 16 + 6 + 10 + 64
_CODE_CONTEXT = b"rollcall/v1/check-in-code\0"
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_CARD_ALPHABET = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ:-")


class CheckInCodeError(ValueError):
    """A scanned text is no valid code of this school; the message says in what way."""


class Fallback(StrEnum):
    """A way to check in without a face, as the policy names it.

    QR: the code on a phone. CARD: a card and a PIN. CARD_ALONE: a card without a PIN where the
    card is not a printed one. PIN: six digits, then the name. TEACHER: roll-call on the kiosk.
    """

    QR = "qr"
    CARD = "card"
    CARD_ALONE = "card_alone"
    PIN = "pin"
    TEACHER = "teacher"


class HolderKind(StrEnum):
    """Whose credentials they are: a person who is marked, or staff who take the roll."""

    PERSON = "person"
    STAFF = "staff"


class CardKind(StrEnum):
    """READER: a card that a USB or NFC reader types. PRINTED: a QR on paper, always with a PIN."""

    READER = "reader"
    PRINTED = "printed"


class CardEntry(Message):
    """One card, by the keyed hash of its number (`card_hash` under the card key)."""

    hash: Hash
    kind: Word = CardKind.READER


class Holder(Message):
    """What a kiosk holds of one person's or teacher's credentials; no PIN or card number.

    Attributes:
        id: of the person, or of the account of a teacher.
        name: of staff, short; people's names come with the configuration.
        pin: `pin_verifier` under this kiosk's PIN key.
    """

    id: Identifier
    kind: Word = HolderKind.PERSON
    name: Label = ""
    pin: Hash | None = None
    cards: Annotated[tuple[CardEntry, ...], Field(max_length=MAX_CARDS)] = ()


class CredentialDocument(Message):
    """The credentials of everybody who may check in or take the roll at one kiosk.

    Both keys are sealed for the kiosk (`sealing.wrap_key`, with their `key_id`).

    Attributes:
        version: of the content; the ETag.
        pin_salt: base64 of 16 bytes, one for the school.
        pin_key: of this kiosk alone.
        card_key: of the school.
        used_codes: ids of codes of the last minutes that other kiosks have seen already.
    """

    version: Identifier
    kiosk_id: KioskId
    pin_salt: Base64Text
    pin_key: WrappedKey
    card_key: WrappedKey
    holders: Annotated[tuple[Holder, ...], Field(max_length=MAX_HOLDERS)] = ()
    used_codes: Annotated[tuple[Identifier, ...], Field(max_length=MAX_USED_CODES)] = ()


def is_pin(text: str) -> bool:
    """Return whether a text is six ASCII digits."""
    return len(text) == PIN_DIGITS and text.isascii() and text.isdigit()


def pin_base(pin: str, salt: bytes) -> bytes:
    """Return 32 bytes that cost a guesser Argon2id for each PIN (19 MiB, two passes; about 30 ms).

    Source of the parameters: OWASP Password Storage Cheat Sheet.

    Args:
        pin: six digits.
        salt: 16 bytes, one for the school: a kiosk computes this once for each PIN typed.

    Raises:
        ValueError: it is not six digits, or the salt has another length.
    """
    if not is_pin(pin) or len(salt) != PIN_SALT_BYTES:
        raise ValueError("a PIN has six digits, and the salt 16 bytes")
    derive = Argon2id(salt=salt, length=32, iterations=2, lanes=1, memory_cost=19 * 1024)
    return derive.derive(pin.encode())


def pin_verifier(base: bytes, pin_key: bytes, holder_id: str) -> str:
    """Return what a kiosk holds in place of a PIN: HMAC-SHA256 under its PIN key, in hex.

    Args:
        base: of `pin_base`.
        pin_key: 32 bytes, of one kiosk.
        holder_id: so that equal PINs of two holders do not look equal.
    """
    return hmac.new(pin_key, holder_id.encode() + b"\0" + base, hashlib.sha256).hexdigest()


def card_hash(number: str, card_key: bytes) -> str:
    """Return what is kept in place of a card's number: HMAC-SHA256 under the school's key, in hex.

    Args:
        number: as `read_card_number` returns it.
        card_key: 32 bytes.
    """
    return hmac.new(card_key, number.encode(), hashlib.sha256).hexdigest()


def read_card_number(typed: str) -> str:
    """Return a card's number in one form, from what a reader typed or a printed QR holds.

    Raises:
        CheckInCodeError: it is no card number: 4 to 64 letters, digits, `:` or `-`.
    """
    number = typed.strip().upper() if len(typed) <= MAX_SCAN_CHARS else ""
    if not 4 <= len(number) <= MAX_CARD_CHARS or not _CARD_ALPHABET.issuperset(number):
        raise CheckInCodeError("this is no card number")
    return number


def make_printed_card() -> str:
    """Return the text of a new printed QR card: a prefix and 120 random bits."""
    return _CARD_PREFIX + ":" + base64.b32encode(secrets.token_bytes(_CARD_BYTES)).decode()


def is_printed_card(text: str) -> bool:
    """Return whether a scanned text is a printed card of Rollcall's."""
    prefix, _, body = text.partition(":")
    return prefix == _CARD_PREFIX and len(body) == 8 * _CARD_BYTES // 5 and _BASE32.issuperset(body)


@dataclass(frozen=True, slots=True)
class CheckInCode:
    """What the QR on a phone says.

    Attributes:
        holder_id: of the person, or of the account of a teacher.
        issued_at: by the server's clock, UTC, in milliseconds.
        code_id: 20 lower-case hex digits, new for each code; it counts once.
    """

    holder_id: uuid.UUID
    issued_at: datetime
    code_id: str

    def is_valid_at(self, at: datetime) -> bool:
        """Return whether the code is neither expired nor of the future at this time."""
        earliest = self.issued_at - CODE_TOLERANCE
        return earliest <= at <= self.issued_at + CODE_LIFETIME + CODE_TOLERANCE


def make_check_in_code(holder_id: uuid.UUID, at: datetime, key: Ed25519PrivateKey) -> str:
    """Return the text of a QR for a phone: signed by the server, valid from now on, single use.

    Args:
        holder_id: of the person or teacher.
        at: the server's clock, UTC.
        key: the server's signing key.
    """
    moment = int(at.timestamp() * 1000).to_bytes(6, "big")
    body = holder_id.bytes + moment + secrets.token_bytes(10)
    signed = body + key.sign(_CODE_CONTEXT + body)
    return _CODE_PREFIX + ":" + base64.b32encode(signed).decode().rstrip("=")


def read_check_in_code(text: str, key: Ed25519PublicKey) -> CheckInCode:
    """Read a scanned text; anybody may hold anything before the camera.

    Args:
        text: as scanned.
        key: the server's public key.

    Raises:
        CheckInCodeError: it is no code of this school's server. Its age is not checked here.
    """
    signed = _code_bytes(text)
    body, signature = signed[:-64], signed[-64:]
    try:
        key.verify(signature, _CODE_CONTEXT + body)
    except InvalidSignature as exc:
        raise CheckInCodeError("the code is not of this school") from exc
    try:
        issued_at = datetime.fromtimestamp(int.from_bytes(body[16:22], "big") / 1000, tz=UTC)
    except (OverflowError, OSError, ValueError) as exc:
        raise CheckInCodeError("the code has no valid time") from exc
    return CheckInCode(uuid.UUID(bytes=body[:16]), issued_at, body[22:].hex())


def is_check_in_code(text: str) -> bool:
    """Return whether a scanned text has the form of a QR of a phone; nothing is verified."""
    try:
        return bool(_code_bytes(text))
    except CheckInCodeError:
        return False


def _code_bytes(text: str) -> bytes:
    prefix, _, encoded = text.partition(":")
    if len(text) > MAX_SCAN_CHARS or prefix != _CODE_PREFIX or not _BASE32.issuperset(encoded):
        raise CheckInCodeError("this is no check-in code")
    try:
        signed = base64.b32decode(encoded + "=" * (-len(encoded) % 8))
    except (binascii.Error, ValueError) as exc:
        raise CheckInCodeError("the code is damaged") from exc
    if len(signed) != _CODE_BYTES:
        raise CheckInCodeError("the code has another length")
    return signed
