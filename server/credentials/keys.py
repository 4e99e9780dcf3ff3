"""The secrets that credentials rest on: made on first use, encrypted by the vault."""

import hashlib
import hmac
import secrets

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


def card_key(db: Session, vault: Vault) -> bytes:
    """Return the key that numbers of cards are hashed with, 32 bytes."""
    return _key(db, vault, _CARD, _KEY_BYTES)


def pin_salt(db: Session, vault: Vault) -> bytes:
    """Return the salt of all PINs of the school, 16 bytes."""
    return _key(db, vault, _SALT, PIN_SALT_BYTES)


def pin_lookup(db: Session, vault: Vault, pin: str) -> bytes:
    """Return the keyed hash that tells whether a PIN is taken, 32 bytes."""
    return hmac.new(_key(db, vault, _LOOKUP, _KEY_BYTES), pin.encode(), hashlib.sha256).digest()


def kiosk_pin_key(db: Session, vault: Vault, kiosk: Kiosk) -> tuple[str, bytes]:
    """Return the id and the PIN key of one kiosk; each claim has another."""
    row = db.get(KioskPinKey, kiosk.id)
    key_id = f"pin-{kiosk.generation}"
    if row is not None and row.generation == kiosk.generation:
        sealed = Sealed(row.key_id, row.data)
        return key_id, vault.open(sealed, purpose=KIOSK_PURPOSE, context=kiosk.wire_id)
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
    return key_id, made


def _key(db: Session, vault: Vault, name: str, length: int) -> bytes:
    row = db.get(CredentialKey, name)
    if row is None:
        lock_until_commit(db, CREDENTIAL_LOCK)
        row = db.get(CredentialKey, name)
    if row is None:
        made = secrets.token_bytes(length)
        sealed = vault.seal(made, purpose=PURPOSE, context=name)
        row = CredentialKey(name=name, key_id=sealed.key_id, data=sealed.data)
        db.add(row)
        db.flush()
        return made
    return vault.open(Sealed(row.key_id, row.data), purpose=PURPOSE, context=name)
