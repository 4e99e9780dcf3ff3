"""An event counts with the key of its time, whatever the history of its kiosk."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, cast

from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.signing import make_key
from server.attendance.key_history import judge_by_time
from server.attendance.verification import Accepted, Rejected
from server.kiosks.claims import EarlierKey, KioskKeys
from tests.fakes.simulated_kiosk import SimulatedKiosk

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

AT = datetime(2026, 11, 27, 8, tzinfo=UTC)
KEYS = [make_key() for _ in range(4)]
LONG_AGO = timedelta(days=400)
MINUTES = st.integers(min_value=-500, max_value=0).map(lambda count: timedelta(minutes=count))


@dataclass
class _History:
    """What `KioskKeys` says of a kiosk."""

    current: "Ed25519PublicKey"
    ended_at: datetime | None
    earlier: tuple[EarlierKey, ...]
    since_at: datetime | None = None


@given(
    ends=st.lists(MINUTES, max_size=3),
    revoked=st.none() | MINUTES,
    signer=st.integers(min_value=0, max_value=3),
    happened=MINUTES,
    offset_s=st.integers(min_value=0, max_value=36_000),
)
def test_event_counts_until_the_claim_of_its_key_ended(
    ends: list[timedelta],
    revoked: timedelta | None,
    signer: int,
    happened: timedelta,
    offset_s: int,
) -> None:
    limits = [None if revoked is None else AT + revoked, *(AT + one for one in ends)]
    history = _History(
        KEYS[0].public_key(),
        limits[0],
        tuple(
            EarlierKey(key.public_key(), AT - LONG_AGO, AT + end)
            for key, end in zip(KEYS[1:], ends, strict=False)
        ),
    )
    device = SimulatedKiosk(key=KEYS[signer])
    best = AT + happened
    clock = {"source": "rtc", "offset_ms": offset_s * 1000.0}
    event = device.event(best - timedelta(seconds=offset_s), clock=clock)
    verdict = judge_by_time(event, device.kiosk_id, cast("KioskKeys", history), AT)
    is_known = signer < len(limits)
    limit = limits[signer] if is_known else None
    expected = "bad_signature" if not is_known else None
    if is_known and limit is not None and best > limit:
        expected = "after_claim"
    assert (verdict.reason if isinstance(verdict, Rejected) else None) == expected
    assert isinstance(verdict, Accepted) == (expected is None)
