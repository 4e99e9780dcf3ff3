"""Which scans may become templates: each condition alone decides."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.messages import ScanTemplate
from server.network_change.rules import (
    Collecting,
    EventFacts,
    PersonFacts,
    ScanRefusal,
    refusal_before_event,
    refusal_by_event,
)
from server.networks.service import Networks

AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
PERSON = uuid.UUID(int=7)
SCAN = ScanTemplate(
    id="019ab0c0-0000-7000-8000-000000000001",
    kiosk_id="kiosk-7",
    person_id=str(PERSON),
    event_id="019ab0c0-0000-7000-8000-000000000001",
    decided_by="old",
    distance=0.31,
    strict_limit=0.39,
    model_id="new",
    dimension=4,
    frames=5,
    captured_at=AT,
    key_id="key-1",
    sealed="AAAA",
    signature="A" * 86 + "==",
)
COLLECTING = Collecting(
    Networks("old", "new", collects_scans=True), AT - timedelta(days=3), is_live_checked=True
)
KNOWN = PersonFacts(has_consent=True, is_in_gallery=True, is_covered=False)
EVENT = EventFacts(PERSON, "seen", "face", "old", "live", AT, is_taken_back=False)


def test_clear_live_scan_is_accepted() -> None:
    assert refusal_before_event(SCAN, COLLECTING, KNOWN, AT) is None
    assert refusal_by_event(SCAN, EVENT) is None
    assert refusal_by_event(SCAN, replace(EVENT, model_id=None)) is None


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"decided_by": "new"}, ScanRefusal.OTHER_NETWORK),
        ({"model_id": "old"}, ScanRefusal.OTHER_NETWORK),
        ({"distance": 0.3901}, ScanRefusal.NOT_CLEAR),
        ({"frames": 0}, ScanRefusal.NOT_CLEAR),
        ({"captured_at": AT + timedelta(minutes=6)}, ScanRefusal.IMPLAUSIBLE_TIME),
        ({"captured_at": AT - timedelta(days=4)}, ScanRefusal.IMPLAUSIBLE_TIME),
    ],
)
def test_scan_decides(changed: dict[str, object], reason: ScanRefusal) -> None:
    scan = SCAN.model_copy(update=changed)
    assert refusal_before_event(scan, COLLECTING, KNOWN, AT) == reason


@pytest.mark.parametrize(
    ("collecting", "reason"),
    [
        (replace(COLLECTING, is_live_checked=False), ScanRefusal.NOT_COLLECTED),
        (
            replace(COLLECTING, networks=Networks("old", "new", collects_scans=False)),
            ScanRefusal.NOT_COLLECTED,
        ),
        (
            replace(COLLECTING, networks=Networks("old", None, collects_scans=False)),
            ScanRefusal.NOT_COLLECTED,
        ),
        (
            replace(COLLECTING, networks=Networks("new", "old", collects_scans=True)),
            ScanRefusal.OTHER_NETWORK,
        ),
        (replace(COLLECTING, started_at=None), ScanRefusal.IMPLAUSIBLE_TIME),
        (replace(COLLECTING, started_at=AT + timedelta(hours=1)), ScanRefusal.IMPLAUSIBLE_TIME),
    ],
)
def test_school_decides(collecting: Collecting, reason: ScanRefusal) -> None:
    assert refusal_before_event(SCAN, collecting, KNOWN, AT) == reason


def test_scan_of_a_month_ago_is_refused_however_long_the_change_lasts() -> None:
    collecting = replace(COLLECTING, started_at=AT - timedelta(days=90))
    old = SCAN.model_copy(update={"captured_at": AT - timedelta(days=31)})
    assert refusal_before_event(old, collecting, KNOWN, AT) == ScanRefusal.IMPLAUSIBLE_TIME


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (replace(KNOWN, has_consent=False), ScanRefusal.NO_CONSENT),
        (replace(KNOWN, is_in_gallery=False), ScanRefusal.NOT_IN_GALLERY),
        (replace(KNOWN, is_covered=True), ScanRefusal.NOT_NEEDED),
    ],
)
def test_person_decides(person: PersonFacts, reason: ScanRefusal) -> None:
    assert refusal_before_event(SCAN, COLLECTING, person, AT) == reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"person_id": None}, ScanRefusal.OTHER_EVENT),
        ({"person_id": uuid.UUID(int=8)}, ScanRefusal.OTHER_EVENT),
        ({"kind": "not_me"}, ScanRefusal.OTHER_EVENT),
        ({"method": "manual"}, ScanRefusal.OTHER_EVENT),
        ({"model_id": "new"}, ScanRefusal.OTHER_EVENT),
        ({"counted_at": AT - timedelta(minutes=6)}, ScanRefusal.OTHER_EVENT),
        ({"verdict": "undecided"}, ScanRefusal.NOT_LIVE),
        ({"verdict": None}, ScanRefusal.NOT_LIVE),
        ({"is_taken_back": True}, ScanRefusal.TAKEN_BACK),
    ],
)
def test_event_decides(changed: dict[str, object], reason: ScanRefusal) -> None:
    assert refusal_by_event(SCAN, replace(EVENT, **changed)) == reason  # type: ignore[arg-type]


@given(
    distance=st.floats(0, 10),
    strict=st.floats(0.001, 10),
    verdict=st.sampled_from(["live", "attack", "undecided", "off", None]),
    is_taken_back=st.booleans(),
)
def test_only_clear_live_scans_that_nobody_took_back_pass(
    distance: float, strict: float, verdict: str | None, is_taken_back: bool
) -> None:
    scan = SCAN.model_copy(update={"distance": distance, "strict_limit": strict})
    event = replace(EVENT, verdict=verdict, is_taken_back=is_taken_back)
    passes = refusal_before_event(scan, COLLECTING, KNOWN, AT) is None
    passes = passes and refusal_by_event(scan, event) is None
    assert passes == (distance <= strict and verdict == "live" and not is_taken_back)
