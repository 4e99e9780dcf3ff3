"""The secrets that credentials rest on: made on first use, encrypted by the vault."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlmodel import Session

from protocol.v1.checkin import PIN_SALT_BYTES
from server.credentials.tables import CredentialKey, KioskPinKey
from server.db.lock import CREDENTIAL_LOCK, lock_until_commit
from server.db.vault import Sealed, Vault
from server.kiosks.tables import Kiosk

PURPOSE = "credential-key"
KIOSK_PURPOSE = "kiosk-pin-key"
_KEY_BYTES = 32
_CARD, _LOOKUP, _SALT = "card", "pin-lookup", "pin-salt"
_LENGTHS = {_CARD: _KEY_BYTES, _LOOKUP: _KEY_BYTES, _SALT: PIN_SALT_BYTES}


@dataclass(frozen=True)
class DocumentKeys:
    """The keys of a kiosk's document as they are stored: its PIN key, and two of the school."""

    pin: Sealed
    card: Sealed
    salt: Sealed

    def open(self, vault: Vault, kiosk: Kiosk) -> tuple[bytes, bytes, bytes]:
        """Return PIN key, card key and salt.

        Raises:
            SealBrokenError: one of them cannot be decrypted.
        """
        pin_key = vault.open(self.pin, purpose=KIOSK_PURPOSE, context=kiosk.wire_id)
        return pin_key, _opened(vault, _CARD, self.card), _opened(vault, _SALT, self.salt)


def document_keys(db: Session, kiosk: Kiosk) -> DocumentKeys | None:
    """Return the keys of a kiosk's document; None: one of them is not made yet."""
    pin = db.get(KioskPinKey, kiosk.id)
    card, salt = db.get(CredentialKey, _CARD), db.get(CredentialKey, _SALT)
    if pin is None or pin.generation != kiosk.generation or card is None or salt is None:
        return None
    return DocumentKeys(*(Sealed(row.key_id, row.data) for row in (pin, card, salt)))


def make_school_keys(db: Session, vault: Vault) -> None:
    """Make those keys of the school that do not exist yet."""
    for name, length in _LENGTHS.items():
        _sealed(db, vault, name, length)


def have_school_keys(db: Session) -> bool:
    """Return whether the school has all its keys."""
    return all(db.get(CredentialKey, name) is not None for name in _LENGTHS)


def make_kiosk_pin_key(db: Session, vault: Vault, kiosk: Kiosk) -> None:
    """Make the PIN key of a kiosk's claim if it has none; each claim has another.

    The row of the kiosk must be locked.
    """
    row = db.get(KioskPinKey, kiosk.id)
    if row is not None and row.generation == kiosk.generation:
        return
    made = secrets.token_bytes(_KEY_BYTES)
    sealed = vault.seal(made, purpose=KIOSK_PURPOSE, context=kiosk.wire_id)
    db.merge(
        KioskPinKey(
            kiosk_id=kiosk.id,
            generation=kiosk.generation,
            key_id=sealed.key_id,
            data=sealed.data,
        )
    )
    db.flush()


def card_key(db: Session, vault: Vault) -> bytes:
    """Return the key that numbers of cards are hashed with, 32 bytes."""
    return _key(db, vault, _CARD)


def pin_salt(db: Session, vault: Vault) -> bytes:
    """Return the salt of all PINs of the school, 16 bytes."""
    return _key(db, vault, _SALT)


def pin_lookup(db: Session, vault: Vault, pin: str) -> bytes:
    """Return the keyed hash that tells whether a PIN is taken, 32 bytes."""
    return hmac.new(_key(db, vault, _LOOKUP), pin.encode(), hashlib.sha256).digest()


def _key(db: Session, vault: Vault, name: str) -> bytes:
    return _opened(vault, name, _sealed(db, vault, name, _LENGTHS[name]))


def _opened(vault: Vault, name: str, sealed: Sealed) -> bytes:
    return vault.open(sealed, purpose=PURPOSE, context=name)


def _sealed(db: Session, vault: Vault, name: str, length: int) -> Sealed:
    row = db.get(CredentialKey, name)
    if row is None:
        lock_until_commit(db, CREDENTIAL_LOCK)
        row = db.get(CredentialKey, name)
    if row is None:
        sealed = vault.seal(secrets.token_bytes(length), purpose=PURPOSE, context=name)
        row = CredentialKey(name=name, key_id=sealed.key_id, data=sealed.data)
        db.add(row)
        db.flush()
    return Sealed(row.key_id, row.data)
