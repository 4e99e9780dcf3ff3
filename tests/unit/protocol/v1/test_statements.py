"""Statements: only their maker can make them, and no value in them can be changed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from protocol.v1 import signing, statements
from protocol.v1.errors import BadSignatureError
from protocol.v1.messages import Ack, Message, Revocation, SeqRange, Watermark
from tests.contract.protocol import samples

SAMPLES = samples.all_samples()
KIOSK, SERVER = samples.KIOSK_KEY.public_key(), samples.SERVER_KEY.public_key()


def _check(message: Message) -> None:
    match message:
        case Watermark():
            statements.verify_watermark(message, KIOSK)
        case Ack():
            statements.verify_ack(message, SERVER)
        case Revocation():
            statements.verify_revocation(message, SERVER)


@pytest.mark.parametrize("name", ["watermark", "ack", "revocation"])
def test_statement_of_its_maker_holds(name: str) -> None:
    _check(SAMPLES[name])


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("watermark", {"kiosk_id": "kiosk-8"}),
        ("watermark", {"through": samples.LATER + timedelta(hours=1)}),
        ("watermark", {"seq": 3}),
        ("watermark", {"head": "0" * 64}),
        ("watermark", {"boot_id": "another"}),
        ("watermark", {"made_at": samples.AT}),
        ("watermark", {"uptime_s": 1.0}),
        ("watermark", {"clock_source": "unsynced"}),
        ("ack", {"kiosk_id": "kiosk-8"}),
        ("ack", {"stored_through": 3}),
        ("ack", {"stored_beyond": (SeqRange(first=4, last=10),)}),
        ("ack", {"refused": ()}),
        ("ack", {"lost": ()}),
        ("ack", {"server_time": samples.LATER}),
        ("ack", {"signature": None}),
        ("revocation", {"kiosk_id": "kiosk-8"}),
        ("revocation", {"claim": 4}),
        ("revocation", {"revoked_at": samples.AT}),
    ],
)
def test_changed_statement_does_not_hold(name: str, change: dict[str, object]) -> None:
    with pytest.raises(BadSignatureError):
        _check(SAMPLES[name].model_copy(update=change))


@pytest.mark.parametrize(
    "verify",
    [
        lambda: statements.verify_watermark(samples.all_samples()["watermark"], SERVER),  # type: ignore[arg-type]
        lambda: statements.verify_ack(samples.all_samples()["ack"], KIOSK),  # type: ignore[arg-type]
    ],
)
def test_statement_of_somebody_else_does_not_hold(verify: Callable[[], None]) -> None:
    with pytest.raises(BadSignatureError):
        verify()


def test_every_field_is_signed_but_the_note_and_the_signature() -> None:
    watermark, ack = SAMPLES["watermark"], SAMPLES["ack"]
    assert isinstance(watermark, Watermark)
    assert isinstance(ack, Ack)
    unsigned = {"signature"}
    assert set(statements.watermark_statement(watermark)) == set(Watermark.model_fields) - unsigned
    assert set(statements.ack_statement(ack)) == set(Ack.model_fields) - unsigned - {"note"}


@pytest.mark.parametrize(
    "change",
    [
        {"nonce": "b" * 16},
        {"time": "2026-11-23T08:00:00.124Z"},
        {"method": "POST"},
        {"target": "/api/v1/sync/gallery"},
        {"status": 401},
        {"body": b"{ }"},
    ],
)
def test_answer_cannot_be_changed_or_used_for_another_request(change: dict[str, object]) -> None:
    answer: dict[str, object] = {
        "nonce": "a" * 16,
        "time": "2026-11-23T08:00:00.123Z",
        "method": "GET",
        "target": "/api/v1/sync/config",
        "status": 200,
        "body": b"{}",
    }
    body = statements.answer_statement(**answer)  # type: ignore[arg-type]
    signature = signing.sign_document(body, samples.SERVER_KEY, context="answer")
    signing.verify_document(body, signature, SERVER, context="answer")
    other = statements.answer_statement(**(answer | change))  # type: ignore[arg-type]
    with pytest.raises(BadSignatureError):
        signing.verify_document(other, signature, SERVER, context="answer")
