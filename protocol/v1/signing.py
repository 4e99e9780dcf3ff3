"""Canonical JSON, hashes, Ed25519 signatures, and the chain of a kiosk's events.

Hashes are taken over what came over the wire, not over what this version's model kept of it:
a newer kiosk's extra fields are covered by its signature too.
"""

import base64
import hashlib
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import JsonValue, ValidationError

from protocol.v1.canonical import OrderedObject
from protocol.v1.errors import BadHashError, BadSignatureError, MalformedMessageError
from protocol.v1.events import AttendanceEvent, RawEvent, UnsignedEvent

GENESIS_HASH = "0" * 64
_UNHASHED = frozenset({"hash", "signature"})
_DOCUMENT_PREFIX = b"rollcall/v1/"


def make_key() -> Ed25519PrivateKey:
    """Return a new signing key; the private half never leaves its maker."""
    return Ed25519PrivateKey.generate()


def public_text(key: Ed25519PrivateKey | Ed25519PublicKey) -> str:
    """Return the public half as it travels: base64 of 32 bytes."""
    public = key.public_key() if isinstance(key, Ed25519PrivateKey) else key
    return base64.b64encode(public.public_bytes_raw()).decode()


def public_key(text: str) -> Ed25519PublicKey:
    """Read a public key from its base64 form.

    Raises:
        MalformedMessageError: it is not one.
    """
    try:
        return Ed25519PublicKey.from_public_bytes(base64.b64decode(text, validate=True))
    except ValueError as exc:
        raise MalformedMessageError("not an Ed25519 public key") from exc


def private_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the 32 bytes to keep on disk (mode 0600, or encrypted)."""
    return key.private_bytes_raw()


def private_key(raw: bytes) -> Ed25519PrivateKey:
    """Read a private key from its 32 bytes.

    Raises:
        MalformedMessageError: it is not one.
    """
    try:
        return Ed25519PrivateKey.from_private_bytes(raw)
    except ValueError as exc:
        raise MalformedMessageError("not an Ed25519 private key") from exc


def canonical(body: Mapping[str, Any]) -> bytes:
    """Return the canonical JSON (RFC 8785) of a JSON object.

    Raises:
        MalformedMessageError: a number or a text has no canonical form.
    """
    return OrderedObject(body).canonical()


def event_hash(body: Mapping[str, Any]) -> str:
    """Return the hash of an event: everything in it but `hash` and `signature`."""
    return _hash(OrderedObject(body))


def _hash(body: OrderedObject) -> str:
    return hashlib.sha256(body.canonical(without=_UNHASHED)).hexdigest()


def to_raw(event: UnsignedEvent) -> RawEvent:
    """Return an event as the JSON object that goes over the wire."""
    raw: RawEvent = event.model_dump(mode="json")
    return raw


def sign_event(draft: UnsignedEvent, *, prev_hash: str, key: Ed25519PrivateKey) -> AttendanceEvent:
    """Chain an event to the one before it and sign it.

    Args:
        draft: the event, with its sequence number.
        prev_hash: `hash` of the event with the number before, or `GENESIS_HASH` for number 1.
        key: the kiosk's own key.
    """
    body = to_raw(draft) | {"prev_hash": prev_hash}
    digest = event_hash(body)
    signature = base64.b64encode(key.sign(bytes.fromhex(digest))).decode()
    return AttendanceEvent.model_validate(body | {"hash": digest, "signature": signature})


def read_event(raw: Mapping[str, JsonValue]) -> AttendanceEvent:
    """Read an event without judging its signature.

    Raises:
        MalformedMessageError: it is not an event of this protocol.
    """
    try:
        return AttendanceEvent.model_validate(raw)
    except ValidationError as exc:
        places = {str(error["loc"][0])[:40] for error in exc.errors() if error["loc"]}
        raise MalformedMessageError(f"not an event: {', '.join(sorted(places)[:6])}") from exc


def verify_event(raw: Mapping[str, JsonValue], key: Ed25519PublicKey) -> AttendanceEvent:
    """Read an event and check that its hash is its own and its signature the kiosk's.

    Args:
        raw: the event exactly as received.
        key: the public key bound to the kiosk at its claim.

    Raises:
        MalformedMessageError: it is not an event.
        BadHashError: something in it was changed after it was hashed.
        BadSignatureError: another key signed it.
    """
    return verify_ordered(OrderedObject(raw), key)


def verify_ordered(raw: OrderedObject, key: Ed25519PublicKey) -> AttendanceEvent:
    """Do the same with an event that is written to the record afterwards."""
    event = read_event(raw.body)
    if _hash(raw) != event.hash:
        raise BadHashError("the hash is not the hash of this event")
    try:
        key.verify(base64.b64decode(event.signature), bytes.fromhex(event.hash))
    except InvalidSignature as exc:
        raise BadSignatureError("the event was not signed by this kiosk") from exc
    return event


def sign_document(body: Mapping[str, Any], key: Ed25519PrivateKey, *, context: str) -> str:
    """Sign a JSON object that is not an event (claim, command, erasure).

    Args:
        body: the object without its signature.
        key: the signer's key.
        context: what kind of document it is; a signature counts in its own context only.

    Returns:
        The signature, base64.
    """
    return base64.b64encode(key.sign(_document_bytes(body, context))).decode()


def verify_document(
    body: Mapping[str, Any], signature: str, key: Ed25519PublicKey, *, context: str
) -> None:
    """Check the signature of a JSON object that is not an event.

    Raises:
        BadSignatureError: another key, another context, or another content.
    """
    try:
        key.verify(base64.b64decode(signature, validate=True), _document_bytes(body, context))
    except (InvalidSignature, ValueError) as exc:
        raise BadSignatureError(f"the {context} was not signed by this key") from exc


def _document_bytes(body: Mapping[str, Any], context: str) -> bytes:
    digest = hashlib.sha256(canonical(body)).digest()
    return _DOCUMENT_PREFIX + context.encode() + b"\0" + digest


@dataclass(frozen=True)
class ChainLink:
    """The part of an event that the chain is made of."""

    seq: int
    hash: str
    prev_hash: str


@dataclass(frozen=True)
class ChainReport:
    """What a run of events says about a kiosk's chain.

    Attributes:
        contiguous_seq: the last number before the first gap.
        gaps: missing runs of numbers, both ends included, in order.
        forks: numbers that two different events carry.
        breaks: numbers whose event does not name the hash of the one before.
    """

    contiguous_seq: int
    gaps: tuple[tuple[int, int], ...] = ()
    forks: tuple[int, ...] = ()
    breaks: tuple[int, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Say whether nothing is missing, doubled or torn."""
        return not (self.gaps or self.forks or self.breaks)


def inspect_chain(
    links: Iterable[ChainLink], *, base_seq: int = 0, base_hash: str = GENESIS_HASH
) -> ChainReport:
    """Find gaps, forks and breaks in a kiosk's events, in whatever order they are given.

    Args:
        links: the events; exact duplicates count once.
        base_seq: the number the chain continues from (0: from its beginning).
        base_hash: the hash at `base_seq`.
    """
    hashes: dict[int, set[str]] = {base_seq: {base_hash}}
    after = {link for link in links if link.seq > base_seq}
    for link in after:
        hashes.setdefault(link.seq, set()).add(link.hash)
    breaks = {
        link.seq
        for link in after
        if link.seq - 1 in hashes and link.prev_hash not in hashes[link.seq - 1]
    }
    gaps = _gaps(sorted(hashes))
    return ChainReport(
        contiguous_seq=gaps[0][0] - 1 if gaps else max(hashes),
        gaps=tuple(gaps),
        forks=tuple(sorted(seq for seq, seen in hashes.items() if len(seen) > 1)),
        breaks=tuple(sorted(breaks)),
    )


def _gaps(seqs: list[int]) -> list[tuple[int, int]]:
    return [(one + 1, other - 1) for one, other in itertools.pairwise(seqs) if other - one > 1]
