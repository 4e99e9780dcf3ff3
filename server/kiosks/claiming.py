"""Claim codes and what a claim gives a kiosk; and how all of it is taken back."""

import hashlib
import hmac
import secrets
import uuid
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlmodel import Session, col, delete, select

from protocol.v1 import sealing, signing
from protocol.v1.messages import ClaimRequest, WrappedKey
from server.audit.service import record
from server.db.lock import CLAIM_LOCK, lock_until_commit
from server.db.vault import Sealed, Vault
from server.errors import ConflictError, ForbiddenError
from server.kiosks.claims import begin_claim, end_claim
from server.kiosks.guesses import CODE_ALPHABET, CODE_LENGTH, CODE_LIFETIME
from server.kiosks.placements import close_placement, open_placement, welcome_back
from server.kiosks.runs import count_all_as_kept
from server.kiosks.tables import (
    ClaimCode,
    GalleryEntry,
    Kiosk,
    KioskProgress,
    KioskState,
    ServerKey,
)
from server.web.ports import GuessLog

BROKER_PURPOSE = "kiosk-broker-password"
DATA_KEY_PURPOSE = "kiosk-data-key"
SERVER_KEY_PURPOSE = "server-signing-key"
KIOSK_PURPOSES = frozenset({BROKER_PURPOSE, DATA_KEY_PURPOSE})
# An advisory lock of PostgreSQL; server.db.lock lists its neighbours.
SERVER_KEY_LOCK = 7_265_101


@dataclass(frozen=True)
class Claimed:
    """A claim that succeeded; the secrets are shown this once."""

    kiosk: Kiosk
    device_token: str
    broker_password: str
    gallery_key: WrappedKey
    progress: KioskProgress


@dataclass(frozen=True)
class ClaimRefused:
    """The code is wrong, used, expired, or stood by while too many wrong ones were tried."""


ClaimOutcome = Claimed | ClaimRefused


def issue_code(db: Session, kiosk: Kiosk, *, actor: str, at: datetime) -> tuple[str, datetime]:
    """Make a new claim code; older ones of this kiosk stop working.

    Returns:
        The code, 8 characters, and when it expires.
    """
    db.exec(delete(ClaimCode).where(col(ClaimCode.kiosk_id) == kiosk.id))
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    expires_at = at + CODE_LIFETIME
    db.add(
        ClaimCode(
            code_hash=_digest(code),
            kiosk_id=kiosk.id,
            expires_at=expires_at,
            created_by=actor,
            created_at=at,
        )
    )
    record(db, actor=actor, action="kiosk.code", subject=f"kiosk:{kiosk.id}")
    return code, expires_at


def is_promising(db: Session, request: ClaimRequest, guesses: GuessLog, at: datetime) -> bool:
    """Whether a claim may succeed; costs one look-up, so that guesses take no lock."""
    return is_open(db, request.claim_code, guesses, at) and _holds_its_key(request)


def is_open(db: Session, code: str, guesses: GuessLog, at: datetime) -> bool:
    """Whether a claim code works now; it stays as it is."""
    row = db.get(ClaimCode, _digest(code))
    return row is not None and row.expires_at > at and not guesses.is_worn_out(row.created_at)


def claim(db: Session, vault: Vault, request: ClaimRequest, *, at: datetime) -> ClaimOutcome:
    """Bind a kiosk's own keys to its row and make its credentials.

    Args:
        db: the database session.
        vault: seals what the server must be able to read again.
        request: from the kiosk.
        at: the server's clock; the kiosk's is not asked.
    """
    lock_until_commit(db, CLAIM_LOCK)
    kiosk = _redeem(db, request, at) if _holds_its_key(request) else None
    if kiosk is None:
        return ClaimRefused()
    claimed = _bind(db, vault, kiosk, request, at)
    record(db, actor=f"kiosk:{kiosk.id}", action="kiosk.claim", subject=f"kiosk:{kiosk.id}")
    return claimed


def revoke(db: Session, kiosk: Kiosk, *, actor: str, at: datetime) -> None:
    """Take everything back: token, broker account, data key. The broker link does its part soon.

    It can be claimed again with a new code.

    Raises:
        ConflictError: it is revoked already.
    """
    if kiosk.state == KioskState.REVOKED:
        raise ConflictError("This kiosk is revoked already.", problem="revoked_already")
    close_placement(db, kiosk, actor=actor, at=at, device_left=True)
    kiosk.state = KioskState.REVOKED
    kiosk.revoked_at = at
    kiosk.is_online = False
    kiosk.token_hash = None
    kiosk.broker_password = kiosk.broker_password_key_id = None
    # Without its data key the gallery it still holds can be opened by nobody but itself; the
    # kiosk destroys its own copy when it gets the signed revocation.
    kiosk.data_key = kiosk.data_key_key_id = None
    db.add(kiosk)
    end_claim(db, kiosk.id, at)
    db.exec(delete(ClaimCode).where(col(ClaimCode.kiosk_id) == kiosk.id))
    record(db, actor=actor, action="kiosk.revoke", subject=f"kiosk:{kiosk.id}")


def kiosk_by_token(db: Session, token: str) -> Kiosk | None:
    """The claimed kiosk that holds a device token."""
    digest = token_digest(token)
    kiosk = db.exec(select(Kiosk).where(Kiosk.token_hash == digest)).first()
    if kiosk is None or kiosk.state != KioskState.CLAIMED or kiosk.token_hash is None:
        return None
    return kiosk if hmac.compare_digest(kiosk.token_hash, digest) else None


def token_digest(token: str) -> bytes:
    """What is kept of a device token: SHA-256, 32 bytes."""
    return _digest(token)


def broker_password(vault: Vault, kiosk: Kiosk) -> str:
    """The MQTT password of a claimed kiosk, to set up its account on the broker.

    Raises:
        ForbiddenError: the kiosk has none.
    """
    if kiosk.broker_password is None or kiosk.broker_password_key_id is None:
        raise ForbiddenError("This kiosk is not claimed.", problem="not_claimed")
    sealed = Sealed(kiosk.broker_password_key_id, kiosk.broker_password)
    return vault.open(sealed, purpose=BROKER_PURPOSE, context=kiosk.wire_id).decode()


def data_key(vault: Vault, kiosk: Kiosk) -> bytes:
    """The gallery data key of a claimed kiosk, 32 bytes.

    Raises:
        ForbiddenError: the kiosk has none.
    """
    if kiosk.data_key is None or kiosk.data_key_key_id is None:
        raise ForbiddenError("This kiosk is not claimed.", problem="not_claimed")
    sealed = Sealed(kiosk.data_key_key_id, kiosk.data_key)
    return vault.open(sealed, purpose=DATA_KEY_PURPOSE, context=kiosk.wire_id)


def server_signing_key(db: Session, vault: Vault) -> Ed25519PrivateKey:
    """The key that commands to kiosks are signed with; made on first use, the same for ever.

    Only a caller that finds none takes the lock: readers must not wait for each other.
    """
    row = db.get(ServerKey, 1)
    if row is None:
        lock_until_commit(db, SERVER_KEY_LOCK)
        row = db.get(ServerKey, 1)
    if row is None:
        made = signing.private_bytes(signing.make_key())
        sealed = vault.seal(made, purpose=SERVER_KEY_PURPOSE, context="1")
        row = ServerKey(key_id=sealed.key_id, data=sealed.data)
        db.add(row)
        db.flush()
    raw = vault.open(Sealed(row.key_id, row.data), purpose=SERVER_KEY_PURPOSE, context="1")
    return signing.private_key(raw)


def _holds_its_key(request: ClaimRequest) -> bool:
    body = request.model_dump(mode="json", exclude={"proof"})
    try:
        key = signing.public_key(request.signing_key)
        signing.verify_document(body, request.proof, key, context="claim")
    except ValueError:
        return False
    return True


def _redeem(db: Session, request: ClaimRequest, at: datetime) -> Kiosk | None:
    row = db.get(ClaimCode, _digest(request.claim_code), with_for_update=True)
    if row is None or row.expires_at <= at:
        return None
    kiosk = db.get(Kiosk, row.kiosk_id, with_for_update=True)
    if row.used_at is not None and not (kiosk and _may_repeat(kiosk, request)):
        return None
    row.used_at = at
    db.add(row)
    return kiosk


def _may_repeat(kiosk: Kiosk, request: ClaimRequest) -> bool:
    """Return whether a used code may be used again because the answer to its claim was lost.

    The answer counts as lost if the same key asks and nobody has used the credentials yet. Once
    they were used, a recorded claim is useless to an attacker who replays it.
    """
    is_same_device = kiosk.signing_key == request.signing_key
    return is_same_device and kiosk.state == KioskState.CLAIMED and is_unheard(kiosk)


def is_unheard(kiosk: Kiosk) -> bool:
    """Whether nothing was heard of a kiosk since its claim."""
    if kiosk.last_seen_at is None or kiosk.claimed_at is None:
        return True
    return kiosk.last_seen_at <= kiosk.claimed_at


def _bind(db: Session, vault: Vault, kiosk: Kiosk, request: ClaimRequest, at: datetime) -> Claimed:
    is_same_device = kiosk.signing_key == request.signing_key
    actor = f"kiosk:{kiosk.id}"
    if is_same_device:
        welcome_back(db, kiosk)
    close_placement(db, kiosk, actor=actor, at=at, device_left=not is_same_device)
    progress = _continue_chain(db, kiosk.id, is_same_device=is_same_device)
    token, password = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    key = sealing.make_data_key()
    kiosk.generation += 1
    kiosk.state = KioskState.CLAIMED
    kiosk.claimed_at, kiosk.revoked_at = at, None
    if not is_same_device or kiosk.key_since is None:
        kiosk.key_since = at
    kiosk.signing_key, kiosk.sealing_key = request.signing_key, request.sealing_key
    kiosk.token_hash = _digest(token)
    sealed = vault.seal(password.encode(), purpose=BROKER_PURPOSE, context=kiosk.wire_id)
    kiosk.broker_password_key_id, kiosk.broker_password = sealed.key_id, sealed.data
    sealed = vault.seal(key, purpose=DATA_KEY_PURPOSE, context=kiosk.wire_id)
    kiosk.data_key_key_id, kiosk.data_key = sealed.key_id, sealed.data
    kiosk.last_seen_at, kiosk.is_online = at, True
    _forget_gallery(db, kiosk)
    db.add(kiosk)
    begin_claim(db, kiosk, at)
    open_placement(db, kiosk, actor=actor, at=at)
    wrapped = sealing.wrap_key(
        key, request.sealing_key, kiosk_id=kiosk.wire_id, key_id=kiosk.data_key_id
    )
    return Claimed(
        kiosk=kiosk,
        device_token=token,
        broker_password=password,
        gallery_key=WrappedKey(key_id=kiosk.data_key_id, wrapped=wrapped),
        progress=progress,
    )


def _forget_gallery(db: Session, kiosk: Kiosk) -> None:
    """A claimed kiosk starts empty; `gallery_version` goes on, so no old page can fit the new."""
    db.exec(delete(GalleryEntry).where(col(GalleryEntry.kiosk_id) == kiosk.id))
    kiosk.gallery_source = ""


def _continue_chain(db: Session, kiosk_id: uuid.UUID, *, is_same_device: bool) -> KioskProgress:
    """Let the chain go on after the last event received.

    With a new key the old device is gone, and with it whatever it had not sent: a gap in what
    came from it will never close, so the new device does not wait for it.
    """
    progress = db.get(KioskProgress, kiosk_id, with_for_update=True)
    if progress is None:
        progress = KioskProgress(kiosk_id=kiosk_id)
    elif not is_same_device:
        count_all_as_kept(db, progress)
    # One device has the identity again, and says anew how far it has sent everything.
    progress.chains, progress.forked_at = None, None
    progress.claimed_through, progress.claimed_head = progress.synced_through, None
    db.add(progress)
    return progress


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
