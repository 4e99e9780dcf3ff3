"""How a kiosk comes to know its server's certificate authority: fingerprint, six words, QR text."""

import hashlib
import ssl
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit

from mnemonic import Mnemonic

WORDS = 6
MAX_LINK_CHARS = 512
_BITS_A_WORD = 11
_PREFIX = "rollcall-claim:1"
_CODE_ALPHABET = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_CODE_LENGTH = 8
_READ_ALIKE = str.maketrans({"O": "0", "I": "1", "L": "1", " ": None, "-": None})
_FINGERPRINT_LENGTH = 64
_HEX = frozenset("0123456789abcdef")
_ADDRESS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:/[]")


class ClaimLinkError(ValueError):
    """The text of a QR code is no claim of Rollcall's; the message says in what way."""


class ClaimCodeError(ValueError):
    """A typed text is not a claim code; the message never repeats the text."""


def typed_claim_code(text: str) -> str:
    """Return the claim code that a person typed, in upper case without spaces and hyphens.

    Raises:
        ClaimCodeError: it is not a claim code.
    """
    code = text.upper().translate(_READ_ALIKE)
    if len(code) != _CODE_LENGTH:
        raise ClaimCodeError(f"a claim code has {_CODE_LENGTH} characters, this one {len(code)}")
    if not _CODE_ALPHABET.issuperset(code):
        raise ClaimCodeError("a claim code has only digits and letters, and no U")
    return code


def ca_fingerprint(pem: str) -> str:
    """Return the SHA-256 of the first certificate of a PEM text, 64 lower-case hex digits.

    A server whose authority changes puts the one that signs now first.

    Raises:
        ValueError: there is no certificate in the text.
    """
    begin, end = ssl.PEM_HEADER, ssl.PEM_FOOTER
    start, stop = pem.find(begin), pem.find(end)
    if start < 0 or stop < start:
        raise ValueError("no certificate")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem[start : stop + len(end)])).hexdigest()


def six_words(fingerprint: str) -> tuple[str, ...]:
    """Return the words by which two people, or one with two screens, compare a fingerprint.

    The first 66 bits, 11 a word, from the English list of BIP-39, which never changes and whose
    words differ in their first four letters.

    Raises:
        ValueError: it is no fingerprint.
    """
    if not _is_fingerprint(fingerprint):
        raise ValueError("no fingerprint")
    bits = int(fingerprint, 16) >> (len(fingerprint) * 4 - WORDS * _BITS_A_WORD)
    places = ((bits >> (_BITS_A_WORD * at)) % (1 << _BITS_A_WORD) for at in reversed(range(WORDS)))
    return tuple(_word_list()[place] for place in places)


@cache
def _word_list() -> tuple[str, ...]:
    return tuple(Mnemonic("english").wordlist)


@dataclass(frozen=True, slots=True)
class ClaimLink:
    """What the claim QR carries.

    Attributes:
        address: of the server, scheme, host and port, without a path.
        code: the claim code, 8 characters.
        fingerprint: of the authority that signs the server's certificate, see `ca_fingerprint`;
            None for a server without one of the school's.
    """

    address: str
    code: str
    fingerprint: str | None = None

    def text(self) -> str:
        """Return the text of the QR code; at most 512 characters."""
        return "|".join((_PREFIX, self.code, self.fingerprint or "", self.address))


def read_claim_link(text: str) -> ClaimLink:
    """Read the text of a claim QR; a camera sees hostile ones too.

    Raises:
        ClaimLinkError: it is no claim QR, or one that this version cannot read.
    """
    if len(text) > MAX_LINK_CHARS or not text.isascii() or not text.isprintable():
        raise ClaimLinkError("this is no claim code")
    parts = text.split("|")
    if parts[0] != _PREFIX or len(parts) != len(("prefix", "code", "fingerprint", "address")):
        raise ClaimLinkError("this is no claim code")
    _, code, fingerprint, address = parts
    if len(code) != _CODE_LENGTH or not _CODE_ALPHABET.issuperset(code):
        raise ClaimLinkError("the claim code is damaged")
    if fingerprint and not _is_fingerprint(fingerprint):
        raise ClaimLinkError("the fingerprint is damaged")
    if not _is_address(address):
        raise ClaimLinkError("the address of the server is damaged")
    return ClaimLink(address, code, fingerprint or None)


def _is_fingerprint(text: str) -> bool:
    return len(text) == _FINGERPRINT_LENGTH and _HEX.issuperset(text)


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        has_port = parts.port is None or parts.port > 0
    except ValueError:
        return False
    is_bare = not parts.path and _ADDRESS.issuperset(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and is_bare and has_port
