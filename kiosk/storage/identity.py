"""Who this kiosk is: its own private keys, and what the server gave it when it was claimed."""

import logging
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from kiosk.errors import CorruptStoreError
from kiosk.storage.failures import translated
from kiosk.storage.files import PRIVATE_FILE, private_folder, read_if_there, write_private
from protocol.v1 import sealing, signing
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import ClaimResponse, parse_message

logger = logging.getLogger(__name__)

_SIGNING_FILE = "signing.key"
_SEALING_FILE = "sealing.key"
_CLAIM_FILE = "claim.json"


@dataclass(frozen=True, slots=True)
class Keys:
    """The kiosk's private keys; they never leave this machine."""

    signing: Ed25519PrivateKey
    sealing: X25519PrivateKey


class IdentityStore:
    """The identity folder: keys made at first start, credentials from the claim; mode 0600.

    Args:
        folder: made with mode 0700 if it is not there.

    Raises:
        StorageError: the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = private_folder(folder)

    def keys(self) -> Keys:
        """The private keys; made and stored at the first call on a new kiosk.

        Raises:
            CorruptStoreError: a key file is there and holds no key.
            StorageError: the disk refuses.
        """
        signing_raw = self._raw(_SIGNING_FILE)
        if signing_raw is None:
            signing_raw = signing.private_bytes(signing.make_key())
            write_private(self._folder / _SIGNING_FILE, signing_raw)
        sealing_raw = self._raw(_SEALING_FILE)
        if sealing_raw is None:
            sealing_raw = sealing.sealing_private_bytes(sealing.make_sealing_key())
            write_private(self._folder / _SEALING_FILE, sealing_raw)
        try:
            return Keys(signing.private_key(signing_raw), sealing.sealing_private_key(sealing_raw))
        except ProtocolError as exc:
            raise CorruptStoreError("a key file of this kiosk is damaged") from exc

    def claim(self) -> ClaimResponse | None:
        """What the server gave at the claim; None before it.

        Raises:
            CorruptStoreError: it is there and cannot be understood.
        """
        raw = self._raw(_CLAIM_FILE)
        if raw is None:
            return None
        try:
            return parse_message(ClaimResponse, raw)
        except ProtocolError as exc:
            raise CorruptStoreError("the credentials file of this kiosk is damaged") from exc

    def save_claim(self, claim: ClaimResponse) -> None:
        """Keep what the server gave.

        Raises:
            StorageError: the disk refuses.
        """
        write_private(self._folder / _CLAIM_FILE, claim.to_json())

    def forget_claim(self) -> None:
        """Destroy the credentials, and with them the key to the gallery; the own keys stay.

        Raises:
            StorageError: the disk refuses.
        """
        path = self._folder / _CLAIM_FILE
        with translated(path):
            path.unlink(missing_ok=True)

    def _raw(self, name: str) -> bytes | None:
        path = self._folder / name
        content = read_if_there(path)
        if content is not None:
            with translated(path):
                if path.stat().st_mode & ~PRIVATE_FILE & 0o777:
                    logger.warning("%s could be read by others; closed it", name)
                    path.chmod(PRIVATE_FILE)
        return content


def gallery_key(claim: ClaimResponse, keys: Keys) -> bytes:
    """The gallery data key, opened with the kiosk's own private key; keep it in memory only.

    Raises:
        CorruptStoreError: it was not sealed for this kiosk.
    """
    wrapped = claim.gallery_key
    try:
        return sealing.unwrap_key(
            wrapped.wrapped, keys.sealing, kiosk_id=claim.kiosk_id, key_id=wrapped.key_id
        )
    except ProtocolError as exc:
        raise CorruptStoreError("the gallery key was not sealed for this kiosk") from exc
