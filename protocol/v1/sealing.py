"""Sealing: the gallery data key for one kiosk, and templates under that key.

The key is sealed with HPKE (RFC 9180: X25519, HKDF-SHA256, AES-256-GCM), bound to the kiosk and
the key id. A template is AES-256-GCM over its float16 values, bound to its own id.
"""

import base64
import secrets
import struct
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocol.v1.errors import MalformedMessageError, SealError

DATA_KEY_BYTES = 32
NONCE_BYTES = 12
BYTES_PER_VALUE = 2
_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


def make_sealing_key() -> X25519PrivateKey:
    """Return a new key to receive sealed keys with; the private half stays on the kiosk."""
    return X25519PrivateKey.generate()


def sealing_public_text(key: X25519PrivateKey) -> str:
    """Return the public half as it travels: base64 of 32 bytes."""
    return base64.b64encode(key.public_key().public_bytes_raw()).decode()


def sealing_private_bytes(key: X25519PrivateKey) -> bytes:
    """Return the 32 bytes to keep on disk (mode 0600, or encrypted)."""
    return key.private_bytes_raw()


def sealing_private_key(raw: bytes) -> X25519PrivateKey:
    """Read a private sealing key from its 32 bytes.

    Raises:
        MalformedMessageError: it is not one.
    """
    try:
        return X25519PrivateKey.from_private_bytes(raw)
    except ValueError as exc:
        raise MalformedMessageError("not an X25519 private key") from exc


def make_data_key() -> bytes:
    """Return a new gallery data key (32 bytes)."""
    return secrets.token_bytes(DATA_KEY_BYTES)


def _binding(kiosk_id: str, key_id: str) -> bytes:
    return b"rollcall/v1/gallery-key\0" + kiosk_id.encode() + b"\0" + key_id.encode()


def wrap_key(data_key: bytes, recipient: str, *, kiosk_id: str, key_id: str) -> str:
    """Seal a gallery data key for one kiosk.

    Args:
        data_key: 32 bytes.
        recipient: the kiosk's public sealing key, base64.
        kiosk_id: the kiosk it is for.
        key_id: which key it is.

    Returns:
        The sealed key, base64.

    Raises:
        MalformedMessageError: the recipient is no usable X25519 public key.
    """
    try:
        public = X25519PublicKey.from_public_bytes(base64.b64decode(recipient, validate=True))
        sealed = _SUITE.encrypt(data_key, public, info=_binding(kiosk_id, key_id))
    except ValueError as exc:
        raise MalformedMessageError("not an X25519 public key") from exc
    return base64.b64encode(sealed).decode()


def unwrap_key(wrapped: str, key: X25519PrivateKey, *, kiosk_id: str, key_id: str) -> bytes:
    """Open a gallery data key on the kiosk it was sealed for.

    Returns:
        The 32 bytes of the data key.

    Raises:
        SealError: it was sealed for another kiosk or another key, or it is damaged.
    """
    try:
        sealed = base64.b64decode(wrapped, validate=True)
        data_key = _SUITE.decrypt(sealed, key, info=_binding(kiosk_id, key_id))
    except (InvalidTag, ValueError) as exc:
        raise SealError("the data key was not sealed for this kiosk") from exc
    if len(data_key) != DATA_KEY_BYTES:
        raise SealError("the data key has the wrong length")
    return data_key


def pack_values(values: Sequence[float]) -> bytes:
    """Return a template as float16, little-endian, the form in which it travels.

    Args:
        values: (D,) finite numbers within float16's range (about ±65,504).

    Raises:
        MalformedMessageError: a value does not fit.
    """
    try:
        packed = struct.pack(f"<{len(values)}e", *values)
    except (OverflowError, struct.error) as exc:
        raise MalformedMessageError("a value does not fit into float16") from exc
    return packed


def unpack_values(packed: bytes) -> list[float]:
    """Return the values of a packed template (numpy: `np.frombuffer(packed, "<f2")`).

    Raises:
        MalformedMessageError: the length is odd.
    """
    if len(packed) % BYTES_PER_VALUE:
        raise MalformedMessageError("a packed template has two bytes a value")
    return list(struct.unpack(f"<{len(packed) // BYTES_PER_VALUE}e", packed))


def seal_template(packed: bytes, data_key: bytes, *, template_id: str) -> str:
    """Seal one packed template for the gallery that `data_key` belongs to.

    Returns:
        base64 of nonce (12 bytes), ciphertext and tag.
    """
    nonce = secrets.token_bytes(NONCE_BYTES)
    sealed = AESGCM(data_key).encrypt(nonce, packed, template_id.encode())
    return base64.b64encode(nonce + sealed).decode()


def open_template(sealed: str, data_key: bytes, *, template_id: str, dimension: int) -> bytes:
    """Open one sealed template.

    Args:
        sealed: what `seal_template` returned.
        data_key: the gallery data key.
        template_id: the id it was sealed with.
        dimension: how many values it must hold.

    Returns:
        float16 little-endian, 2 x dimension bytes.

    Raises:
        SealError: wrong key, wrong id, wrong dimension, or damaged.
    """
    try:
        raw = base64.b64decode(sealed, validate=True)
        packed = AESGCM(data_key).decrypt(
            raw[:NONCE_BYTES], raw[NONCE_BYTES:], template_id.encode()
        )
    except (InvalidTag, ValueError) as exc:
        raise SealError("the template was not sealed with this key and id") from exc
    if len(packed) != BYTES_PER_VALUE * dimension:
        raise SealError("the template has another dimension than it says")
    return packed
