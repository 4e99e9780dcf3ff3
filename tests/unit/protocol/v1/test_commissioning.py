"""The report of an acceptance test: what was signed is what arrives, or it is noticed."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1.commissioning import (
    COMMISSIONING_DRILL,
    CommissionDrill,
    CommissionReport,
    CommissionStep,
    commissioning_text,
    sign_commissioning,
    unsigned_signature,
    verify_commissioning,
)
from protocol.v1.errors import BadSignatureError
from protocol.v1.fields import parse_message
from protocol.v1.findings import CodedText
from protocol.v1.signing import make_key

KEY = make_key()
REPORT_ID = "019ab0c0-0000-7000-8000-000000000001"
_WORDS = st.text(st.characters(codec="utf-8"), max_size=60)
_TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
_STEPS = st.builds(
    CommissionStep,
    name=st.sampled_from(["light", "print_attack", "of-a-newer.kiosk"]),
    outcome=st.sampled_from(["passed", "failed", "skipped"]),
    at=_TIMES,
    problem=_WORDS,
    fix=_WORDS,
    reason=st.sampled_from(["", "later"]),
    measures=st.dictionaries(
        st.sampled_from(["tries", "face_px", "back_s"]),
        st.floats(-1e6, 1e6, allow_nan=False),
        max_size=3,
    ),
    code=st.sampled_from(["", "clock.good", "of_a.newer_kiosk"]),
    values=st.dictionaries(st.sampled_from(["count", "device"]), _WORDS, max_size=2),
)
_REPORTS = st.builds(
    CommissionReport,
    id=st.just(REPORT_ID),
    kiosk_id=st.just("kiosk-7"),
    room=_WORDS,
    started_at=_TIMES,
    finished_at=_TIMES,
    software_version=_WORDS,
    steps=st.lists(_STEPS, min_size=1, max_size=4).map(tuple),
    signature=st.just(unsigned_signature()),
)


def received(report: CommissionReport | CommissionDrill) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(report.to_json())
    return body


@given(_REPORTS)
def test_signed_report_survives_the_wire_and_the_shelf(unsigned: CommissionReport) -> None:
    signed = sign_commissioning(unsigned, KEY)
    assert parse_message(CommissionReport, signed.to_json()) == signed
    raw = received(signed)
    verify_commissioning(raw, KEY.public_key())
    shelved = json.loads(commissioning_text(raw))
    verify_commissioning(shelved, KEY.public_key())
    assert CommissionReport.model_validate(shelved) == signed


def _places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the place of each value in a document."""
    inside = node.items() if isinstance(node, dict) else enumerate(node)
    found: list[tuple[Any, ...]] = []
    for name, value in inside:
        deeper = _places(value, (*path, name)) if isinstance(value, dict | list) else []
        found += deeper or [(*path, name)]
    return found


@given(_REPORTS, st.data())
def test_any_change_of_a_report_is_noticed(unsigned: CommissionReport, data: st.DataObject) -> None:
    raw = received(sign_commissioning(unsigned, KEY))
    *way, last = data.draw(st.sampled_from(_places(raw)))
    node = raw
    for name in way:
        node = node[name]
    node[last] = "changed"
    with pytest.raises(BadSignatureError):
        verify_commissioning(raw, KEY.public_key())


@pytest.mark.parametrize("change", [{"added": 1}, {"steps": []}, {"signature": "x"}])
def test_what_a_stranger_adds_or_takes_is_noticed(change: dict[str, Any]) -> None:
    step = CommissionStep(name="light", outcome="passed", at=datetime.now(UTC))
    report = CommissionReport(
        id=REPORT_ID,
        kiosk_id="kiosk-7",
        room="R12",
        started_at=step.at,
        finished_at=step.at,
        steps=(step,),
        signature=unsigned_signature(),
    )
    raw = received(sign_commissioning(report, KEY))
    for wrong, key in ((raw | change, KEY), (raw, make_key())):
        with pytest.raises(BadSignatureError):
            verify_commissioning(wrong, key.public_key())


def test_a_drill_is_no_report() -> None:
    drill = CommissionDrill(
        report_id=REPORT_ID,
        kiosk_id="kiosk-7",
        made_at=datetime.now(UTC),
        signature=unsigned_signature(),
    )
    raw = received(sign_commissioning(drill, KEY))
    verify_commissioning(raw, KEY.public_key(), context=COMMISSIONING_DRILL)
    with pytest.raises(BadSignatureError):
        verify_commissioning(raw, KEY.public_key())


def test_what_a_step_found_survives_the_wire_and_is_cut_to_its_limit() -> None:
    at = datetime(2026, 11, 28, tzinfo=UTC)
    found = CodedText("w" * 600, "f" * 600, "camera.good", {"device": "d" * 600})
    step = CommissionStep(name="light", outcome="passed", at=at).saying(found)
    read = parse_message(CommissionStep, step.to_json())
    assert read == step
    assert (read.text.code, len(read.text.words), len(read.text.values["device"])) == (
        "camera.good",
        500,
        500,
    )


def test_a_step_of_an_older_kiosk_has_only_english() -> None:
    raw = {"name": "light", "outcome": "failed", "at": "2026-11-28T08:00:00Z", "problem": "Dark."}
    step = parse_message(CommissionStep, json.dumps(raw).encode())
    assert step.text == CodedText("Dark.")
