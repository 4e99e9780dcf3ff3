"""Judge an event with the key of its time: the kiosk's present one, or one that it had before."""

import json
from dataclasses import replace
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.v1 import signing
from protocol.v1.errors import ProtocolError
from protocol.v1.messages import EventKind, RawEvent, RefusalReason
from server.attendance.verification import Accepted, Verdict, judge, refuse_known
from server.kiosks.claims import EarlierKey, KioskKeys


def judge_by_time(raw: RawEvent, kiosk_id: str, keys: KioskKeys, at: datetime) -> Verdict:
    """Judge one event on its own, see `judge`.

    An event that was signed with a key whose claim has ended counts if it happened before that. A
    gap event counts whenever it was made: what it says is lost happened earlier.
    """
    verdict = judge(raw, kiosk_id, keys.current, at, claimed_at=keys.since_at)
    ended_at = keys.ended_at
    if _is_by_another_key(verdict):
        for earlier in keys.earlier:
            other = judge(raw, kiosk_id, earlier.key, at, claimed_at=earlier.since_at)
            if not _is_by_another_key(other):
                verdict, ended_at = _by_earlier(other, earlier), earlier.until_at
                break
    if isinstance(verdict, Accepted) and ended_at is not None and _is_after(verdict, ended_at):
        return refuse_known(verdict, RefusalReason.AFTER_CLAIM)
    return verdict


def with_signer(kept: Accepted, keys: KioskKeys) -> Accepted | None:
    """Return an event from the quarantine with the key's claim beside it, see `Accepted`.

    Returns:
        None where no key that this kiosk ever had signed it.
    """
    if _is_signed(kept.body, keys.current):
        return kept
    for earlier in keys.earlier:
        if _is_signed(kept.body, earlier.key):
            return replace(kept, earlier_since=earlier.since_at)
    return None


def _is_signed(body: str, key: Ed25519PublicKey) -> bool:
    try:
        signing.verify_event(json.loads(body), key)
    except ProtocolError:
        return False
    return True


def _by_earlier(verdict: Verdict, earlier: EarlierKey) -> Verdict:
    if isinstance(verdict, Accepted):
        return replace(verdict, earlier_since=earlier.since_at)
    return verdict


def _is_by_another_key(verdict: Verdict) -> bool:
    return not isinstance(verdict, Accepted) and verdict.reason == RefusalReason.BAD_SIGNATURE


def _is_after(accepted: Accepted, ended_at: datetime) -> bool:
    return accepted.event.kind != EventKind.GAP and accepted.stated_at > ended_at
