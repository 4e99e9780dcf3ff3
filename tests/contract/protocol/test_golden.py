"""The wire format is frozen: a kiosk in the field may be a year older than its server.

A test that fails here means that released kiosks would no longer understand this server. Add
fields with defaults; never change what stands in golden/. Messages that have no golden file yet
get one from `python -m tests.contract.protocol.freeze`.
"""

import json
from pathlib import Path

import pytest

from protocol.v1 import sealing, signing
from protocol.v1.errors import SealError
from protocol.v1.fields import parse_message
from protocol.v1.messages import AttendanceEvent
from tests.contract.protocol import samples

GOLDEN = Path(__file__).parent / "golden"
EARLIER = GOLDEN / "earlier"
SAMPLES = samples.all_samples()


def _frozen(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes().rstrip(b"\n")


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_message_has_the_frozen_wire_form(name: str) -> None:
    assert SAMPLES[name].to_json() == _frozen(name)


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_frozen_bytes_read_back_to_the_same_message(name: str) -> None:
    assert parse_message(type(SAMPLES[name]), _frozen(name)) == SAMPLES[name]


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_fields_of_a_newer_version_are_ignored(name: str) -> None:
    newer = json.loads(_frozen(name)) | {"invented_later": {"deep": [1, 2, 3]}}
    assert parse_message(type(SAMPLES[name]), json.dumps(newer).encode()) == SAMPLES[name]


def test_every_golden_file_has_its_sample() -> None:
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(SAMPLES) | {"sealed"}


@pytest.mark.parametrize(
    "name", ["event", "event-sparse", "event-code", "event-roll-call", "event-leaving"]
)
def test_frozen_event_still_verifies(name: str) -> None:
    raw = json.loads(_frozen(name))
    assert signing.verify_event(raw, samples.KIOSK_KEY.public_key()).id == raw["id"]


@pytest.mark.parametrize(
    "name", ["event", "event-sparse", "event@2026-11-27", "event-gap@2026-11-27"]
)
def test_event_of_an_earlier_version_still_verifies(name: str) -> None:
    raw = json.loads((EARLIER / f"{name}.json").read_bytes())
    assert signing.verify_event(raw, samples.KIOSK_KEY.public_key()).id == raw["id"]


@pytest.mark.parametrize("path", sorted(EARLIER.glob("*.json")), ids=lambda path: path.stem)
def test_message_of_an_earlier_version_is_still_understood(path: Path) -> None:
    kind = type(SAMPLES[path.stem.partition("@")[0]])
    assert type(parse_message(kind, path.read_bytes())) is kind


def test_canonical_form_of_the_frozen_event_has_not_moved() -> None:
    raw = json.loads(_frozen("event"))
    assert raw["hash"] == ("f79233a5ee03caa810708cdd632d66d7ca160446c83ba9f9877e2688fde9e3b4")
    assert signing.canonical({"distance": raw["distance"], "quality": raw["quality"]}) == (
        b'{"distance":0.41000000000000003,"quality":1e-7}'
    )


def test_an_event_without_a_direction_says_nothing_of_it() -> None:
    event = SAMPLES["event"]
    assert isinstance(event, AttendanceEvent)
    assert "direction" not in signing.to_raw(event)


def test_data_key_sealed_by_an_earlier_version_still_opens() -> None:
    frozen = json.loads(_frozen("sealed"))
    data_key = sealing.unwrap_key(
        frozen["wrapped"], samples.SEALING_KEY, kiosk_id=samples.KIOSK, key_id="key-1"
    )
    assert data_key == samples.DATA_KEY


def test_template_sealed_by_an_earlier_version_still_opens() -> None:
    frozen = json.loads(_frozen("sealed"))
    packed = sealing.open_template(
        frozen["template"], samples.DATA_KEY, template_id="template-1", dimension=3
    )
    assert sealing.unpack_values(packed) == [0.5, -0.25, 1.0]


def test_key_sealed_for_one_kiosk_does_not_open_for_another() -> None:
    frozen = json.loads(_frozen("sealed"))
    with pytest.raises(SealError):
        sealing.unwrap_key(
            frozen["wrapped"], samples.SEALING_KEY, kiosk_id="kiosk-8", key_id="key-1"
        )
