"""Who this kiosk is: its own private keys, and what the server gave it when it was claimed."""

import json
import logging
import os
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from kiosk.domain.identity import IdentityFault
from kiosk.errors import CorruptStoreError, LockedStoreError, StorageError
from kiosk.storage.claim_file import ClaimPlace, StoredClaim
from kiosk.storage.failures import translated
from kiosk.storage.files import clear_place, private_folder, read_if_there, set_aside, write_private
from kiosk.storage.keys import FoundKeys, KeyFiles, Keys
from kiosk.storage.storage_key import StorageKey, is_sealed
from protocol.v1 import sealing
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import ClaimResponse
from protocol.v1.signing import public_text

__all__ = ["ClaimPlace", "IdentityStore", "KeptIdentity", "Keys", "gallery_key"]

logger = logging.getLogger(__name__)

_CLAIM_FILE = "claim.json"
_DAMAGED = "damaged"
_ENDED_FILE = "revoked.json"
AUTHORITIES_FILE = "authorities.json"


@dataclass(frozen=True, slots=True)
class KeptIdentity:
    """What the identity folder says.

    Attributes:
        claim: from the server; None where there is none that can be read.
        keys: of this claim; None where one is lost.
        fault: why a new claim is needed; NONE on a new kiosk and on one that is well.
        place: where the claim was made.
    """

    claim: ClaimResponse | None
    keys: Keys | None
    fault: IdentityFault = IdentityFault.NONE
    place: ClaimPlace = field(default_factory=ClaimPlace)


class IdentityStore:
    """The identity folder, mode 0700: keys, and credentials from the claim.

    Keys and claim are records. A key is made only for a claim (`keys`), never in place of one that
    a claim was made with; what is damaged is renamed and never deleted.

    Args:
        folder: made with mode 0700 when something is stored.
        storage_key: encrypts keys and claim.
    """

    def __init__(self, folder: Path, storage_key: StorageKey | None = None) -> None:
        self._folder = folder
        self._storage_key = storage_key or StorageKey(folder)
        self._key_files = KeyFiles(folder, self._storage_key)

    def protect(self) -> None:
        """Encrypt what an earlier version left in the clear; each file is the old or the new one.

        Raises:
            StorageError: the disk refuses, or the storage key cannot be opened.
        """
        if not self._folder.is_dir():
            return
        files = [path for path in self._folder.iterdir() if path.is_file()]
        if not self._storage_key.is_there() and any(map(_is_sealed_file, files)):
            return  # a lost key is never replaced before a new claim
        self._storage_key.keep_best()
        self._key_files.protect()
        raw = read_if_there(self._folder / _CLAIM_FILE)
        if raw is not None and not is_sealed(raw):
            self._save(StoredClaim.parse(raw))

    def kept(self) -> KeptIdentity:
        """Read who this kiosk is, and what is wrong with that.

        Raises:
            StorageError: a file is there and cannot be read; it may be readable later.
        """
        self._check_folder()
        try:
            stored = self._stored()
        except LockedStoreError:
            return KeptIdentity(None, None, IdentityFault.STORAGE_KEY_LOST)
        found = self._key_files.find()
        if stored is None:
            return KeptIdentity(None, found.pair, self._why_unclaimed())
        fault = _fault(stored, found)
        keys = found.pair
        if fault is not IdentityFault.NONE or keys is None:
            return KeptIdentity(stored.claim, None, fault, stored.place)
        if not stored.signing_key:
            self._save(replace(stored, signing_key=public_text(keys.signing)))
        return KeptIdentity(stored.claim, keys, place=stored.place)

    def keys(self) -> Keys:
        """Return the keys to claim with: those here, new ones in place of lost ones.

        What cannot be read is replaced by `save_claim`, once the server has accepted the new keys.

        Raises:
            StorageError: the disk refuses.
        """
        self._make_folder()
        return self._key_files.complete()

    def claim(self) -> ClaimResponse | None:
        """What the server gave at the claim; None before it.

        Raises:
            CorruptStoreError: it is there and cannot be understood.
            StorageError: it is there and cannot be read.
        """
        stored = self._parsed()
        return None if stored is None else stored.claim

    def save_claim(self, claim: ClaimResponse, keys: Keys, place: ClaimPlace | None = None) -> None:
        """Keep what the server gave for these keys, and where it is.

        Raises:
            StorageError: the disk refuses.
        """
        where = place or ClaimPlace()
        self._make_folder()
        self._key_files.keep(keys)
        self._save(StoredClaim(claim, public_text(keys.signing), place=where))
        clear_place(self._folder / _ENDED_FILE)

    def note_key_refused(self) -> None:
        """Remember that the server knows another key for this kiosk: a new claim is needed.

        Raises:
            StorageError: the disk refuses.
        """
        stored = self._parsed()
        if stored is not None:
            self._save(replace(stored, is_key_refused=True))

    def forget_claim(self) -> None:
        """Destroy the credentials; `finish_revocation` destroys the rest.

        That there was a claim stays known, so that the screen can say why a code is needed.

        Raises:
            StorageError: the disk refuses.
        """
        given = (self._folder / _CLAIM_FILE, self._folder / AUTHORITIES_FILE)
        for path in (*given, *self._damaged_claims()):
            clear_place(path)
        self._note_revocation(is_erased=False)

    def is_erasure_due(self) -> bool:
        """Say whether a revocation has not destroyed all that it has to.

        Raises:
            StorageError: the disk does not say.
        """
        raw = read_if_there(self._folder / _ENDED_FILE)
        if raw is None or os.path.lexists(self._folder / _CLAIM_FILE):
            return False
        try:
            return json.loads(raw).get("erased") is not True
        except (ValueError, AttributeError):
            return True

    def finish_revocation(self) -> None:
        """Destroy every key but the one that signed the records here; that gets a new storage key.

        Raises:
            StorageError: the disk refuses; it is due again at the next start.
        """
        self._key_files.destroy_sealing_key()
        try:
            self._key_files.renew_storage_key()
        except CorruptStoreError as exc:
            logger.warning("storage key not renewed: %s", exc)
        self._note_revocation(is_erased=True)

    def _note_revocation(self, *, is_erased: bool) -> None:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        noted = {"revoked_at": at, "erased": is_erased}
        write_private(self._folder / _ENDED_FILE, json.dumps(noted).encode())

    def _stored(self) -> StoredClaim | None:
        """Read the claim; one that cannot be understood is renamed, as the file may be repaired."""
        path = self._folder / _CLAIM_FILE
        try:
            return self._parsed()
        except LockedStoreError:
            raise
        except CorruptStoreError as exc:
            kept = set_aside(path, _DAMAGED, datetime.now(UTC))
            logger.error("%s: kept as %s", exc, kept.name)  # noqa: TRY400
            return None

    def _parsed(self) -> StoredClaim | None:
        raw = read_if_there(self._folder / _CLAIM_FILE)
        if raw is None:
            return None
        return StoredClaim.parse(self._storage_key.decrypt(_CLAIM_FILE, raw))

    def _why_unclaimed(self) -> IdentityFault:
        if os.path.lexists(self._folder / _ENDED_FILE):
            return IdentityFault.REVOKED
        is_damaged = bool(self._damaged_claims())
        return IdentityFault.CLAIM_DAMAGED if is_damaged else IdentityFault.NONE

    def _damaged_claims(self) -> list[Path]:
        with translated(self._folder):
            return sorted(self._folder.glob(f"{_CLAIM_FILE}.{_DAMAGED}-*"))

    def _save(self, stored: StoredClaim) -> None:
        self._make_folder()
        content = self._storage_key.encrypt(_CLAIM_FILE, stored.to_json())
        write_private(self._folder / _CLAIM_FILE, content)

    def _make_folder(self) -> None:
        self._check_folder()
        private_folder(self._folder)

    def _check_folder(self) -> None:
        with translated(self._folder):
            if os.path.lexists(self._folder) and not self._folder.is_dir():
                kept = set_aside(self._folder, _DAMAGED, datetime.now(UTC))
                logger.error("identity was no folder, kept as %s", kept.name)


def _is_sealed_file(path: Path) -> bool:
    try:
        return is_sealed(read_if_there(path) or b"")
    except StorageError:
        return False


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


def _fault(stored: StoredClaim, found: FoundKeys) -> IdentityFault:
    if found.signing is None or stored.signing_key not in ("", public_text(found.signing)):
        return IdentityFault.SIGNING_KEY_LOST
    if stored.is_key_refused:
        return IdentityFault.KEY_REFUSED
    keys = found.pair
    if keys is None:
        return IdentityFault.SEALING_KEY_LOST
    try:
        gallery_key(stored.claim, keys)
    except CorruptStoreError:
        return IdentityFault.SEALING_KEY_LOST
    return IdentityFault.NONE
