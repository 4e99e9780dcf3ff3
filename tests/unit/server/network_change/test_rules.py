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
    Refusal,
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
        ({"decided_by": "new"}, Refusal.OTHER_NETWORK),
        ({"model_id": "old"}, Refusal.OTHER_NETWORK),
        ({"distance": 0.3901}, Refusal.NOT_CLEAR),
        ({"frames": 0}, Refusal.NOT_CLEAR),
        ({"captured_at": AT + timedelta(minutes=6)}, Refusal.IMPLAUSIBLE_TIME),
        ({"captured_at": AT - timedelta(days=4)}, Refusal.IMPLAUSIBLE_TIME),
    ],
)
def test_scan_decides(changed: dict[str, object], reason: Refusal) -> None:
    scan = SCAN.model_copy(update=changed)
    assert refusal_before_event(scan, COLLECTING, KNOWN, AT) == reason


@pytest.mark.parametrize(
    ("collecting", "reason"),
    [
        (replace(COLLECTING, is_live_checked=False), Refusal.NOT_COLLECTED),
        (
            replace(COLLECTING, networks=Networks("old", "new", collects_scans=False)),
            Refusal.NOT_COLLECTED,
        ),
        (
            replace(COLLECTING, networks=Networks("old", None, collects_scans=False)),
            Refusal.NOT_COLLECTED,
        ),
        (
            replace(COLLECTING, networks=Networks("new", "old", collects_scans=True)),
            Refusal.OTHER_NETWORK,
        ),
        (replace(COLLECTING, started_at=None), Refusal.IMPLAUSIBLE_TIME),
        (replace(COLLECTING, started_at=AT + timedelta(hours=1)), Refusal.IMPLAUSIBLE_TIME),
    ],
)
def test_school_decides(collecting: Collecting, reason: Refusal) -> None:
    assert refusal_before_event(SCAN, collecting, KNOWN, AT) == reason


def test_scan_of_a_month_ago_is_refused_however_long_the_change_lasts() -> None:
    collecting = replace(COLLECTING, started_at=AT - timedelta(days=90))
    old = SCAN.model_copy(update={"captured_at": AT - timedelta(days=31)})
    assert refusal_before_event(old, collecting, KNOWN, AT) == Refusal.IMPLAUSIBLE_TIME


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        (replace(KNOWN, has_consent=False), Refusal.NO_CONSENT),
        (replace(KNOWN, is_in_gallery=False), Refusal.NOT_IN_GALLERY),
        (replace(KNOWN, is_covered=True), Refusal.NOT_NEEDED),
    ],
)
def test_person_decides(person: PersonFacts, reason: Refusal) -> None:
    assert refusal_before_event(SCAN, COLLECTING, person, AT) == reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"person_id": None}, Refusal.OTHER_EVENT),
        ({"person_id": uuid.UUID(int=8)}, Refusal.OTHER_EVENT),
        ({"kind": "not_me"}, Refusal.OTHER_EVENT),
        ({"method": "manual"}, Refusal.OTHER_EVENT),
        ({"model_id": "new"}, Refusal.OTHER_EVENT),
        ({"occurred_at": AT - timedelta(minutes=6)}, Refusal.OTHER_EVENT),
        ({"verdict": "undecided"}, Refusal.NOT_LIVE),
        ({"verdict": None}, Refusal.NOT_LIVE),
        ({"is_taken_back": True}, Refusal.TAKEN_BACK),
    ],
)
def test_event_decides(changed: dict[str, object], reason: Refusal) -> None:
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
