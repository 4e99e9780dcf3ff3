"""Every claim of a kiosk: which key counted when, and which token ended with which claim."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import ColumnElement, SQLColumnExpression, exists, func
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from protocol.v1 import signing
from protocol.v1.device import Revocation
from protocol.v1.statements import sign_revocation
from server.kiosks.tables import Kiosk, KioskClaim, KioskState

_UNSIGNED = "A" * 86 + "=="


@dataclass(frozen=True)
class EarlierKey:
    """A key that signed in a kiosk's name until its last claim ended.

    Attributes:
        key: its public half.
        since_at: when it was first claimed, UTC.
        until_at: when the last claim with it ended, UTC.
    """

    key: Ed25519PublicKey
    since_at: datetime
    until_at: datetime


class KioskKeys:
    """The keys that signed in a kiosk's name. The earlier ones are read when they are needed.

    Attributes:
        current: the key of the newest claim.
        since_at: when that key was first claimed, UTC; None where that is not known.
        ended_at: when that claim was revoked, UTC; None: it counts.
    """

    def __init__(self, db: Session, kiosk: Kiosk, current: Ed25519PublicKey) -> None:
        self.current = current
        self.since_at = kiosk.key_since
        self.ended_at = kiosk.revoked_at if kiosk.state == KioskState.REVOKED else None
        self._db = db
        self._kiosk = kiosk
        self._earlier: tuple[EarlierKey, ...] | None = None

    @property
    def earlier(self) -> tuple[EarlierKey, ...]:
        """Every other key this kiosk had, newest first."""
        if self._earlier is None:
            self._earlier = _earlier_keys(self._db, self._kiosk)
        return self._earlier


def keys_of(db: Session, kiosk: Kiosk | None) -> KioskKeys | None:
    """Return a kiosk's keys; None: there is no such kiosk, or it was never claimed."""
    if kiosk is None or kiosk.signing_key is None:
        return None
    return KioskKeys(db, kiosk, signing.public_key(kiosk.signing_key))


def begin_claim(db: Session, kiosk: Kiosk, at: datetime) -> None:
    """Note a claim that was just bound to its kiosk; the one before ends with it."""
    assert kiosk.signing_key is not None
    end_claim(db, kiosk.id, at)
    db.add(
        KioskClaim(
            kiosk_id=kiosk.id,
            number=kiosk.generation,
            signing_key=kiosk.signing_key,
            token_hash=kiosk.token_hash,
            from_at=at,
        )
    )


def end_claim(db: Session, kiosk_id: uuid.UUID, at: datetime) -> None:
    """Note that a kiosk's claim has ended; nothing happens where it has none."""
    query = select(KioskClaim).where(
        col(KioskClaim.kiosk_id) == kiosk_id, col(KioskClaim.until_at).is_(None)
    )
    for row in db.exec(query):
        row.until_at = max(at, row.from_at)
        db.add(row)
    db.flush()


def no_event_before(db: Session, kiosk: Kiosk) -> datetime:
    """Return a moment before which a kiosk recorded nothing, UTC.

    Its first claim is none: a restored server may not know of it any more.
    """
    query = select(func.min(KioskClaim.from_at)).where(KioskClaim.kiosk_id == kiosk.id)
    known = [db.exec(query).one(), kiosk.claimed_at, kiosk.created_at]
    return min(at for at in known if at is not None)


def ended_claim(db: Session, token_hash: bytes) -> KioskClaim | None:
    """Return the claim that a token was given by, if it has ended; None: not a token of ours."""
    query = select(KioskClaim).where(
        col(KioskClaim.token_hash) == token_hash, col(KioskClaim.until_at).is_not(None)
    )
    return db.exec(query).first()


def was_revoked_since(
    kiosk_id: SQLColumnExpression[uuid.UUID], number: SQLColumnExpression[int]
) -> ColumnElement[bool]:
    """Return whether a claim was revoked and a newer one followed, as a condition of a query.

    A claim that another one only replaced ends in the moment in which that one begins.

    Args:
        kiosk_id: a column.
        number: a column: of the first claim that counts.
    """
    ended, following = aliased(KioskClaim), aliased(KioskClaim)
    return exists().where(
        col(ended.kiosk_id) == kiosk_id,
        col(ended.number) >= number,
        col(following.kiosk_id) == ended.kiosk_id,
        col(following.number) == ended.number + 1,
        col(following.from_at) != ended.until_at,
    )


def revocation_of(claim: KioskClaim, key: Ed25519PrivateKey) -> Revocation:
    """Return the server's signed word that a claim has ended; the same each time it is asked."""
    assert claim.until_at is not None
    unsigned = Revocation(
        kiosk_id=str(claim.kiosk_id),
        claim=claim.number,
        revoked_at=claim.until_at,
        signature=_UNSIGNED,
    )
    return sign_revocation(unsigned, key)


def _earlier_keys(db: Session, kiosk: Kiosk) -> tuple[EarlierKey, ...]:
    query = (
        select(KioskClaim)
        .where(
            col(KioskClaim.kiosk_id) == kiosk.id,
            col(KioskClaim.signing_key) != kiosk.signing_key,
            col(KioskClaim.until_at).is_not(None),
        )
        .order_by(col(KioskClaim.number).desc())
    )
    spans: dict[str, tuple[datetime, datetime]] = {}
    for row in db.exec(query):
        if row.until_at is not None:
            until_at = spans.get(row.signing_key, (row.from_at, row.until_at))[1]
            spans[row.signing_key] = (row.from_at, until_at)
    return tuple(EarlierKey(signing.public_key(text), *span) for text, span in spans.items())
