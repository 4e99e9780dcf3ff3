"""Codes, cards and PINs: what is read back is what was made, and nothing else is."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1 import checkin

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
_SALT = bytes(16)


@given(st.uuids(), st.integers(min_value=0, max_value=4_000_000_000_000))
def test_a_code_says_who_and_when(holder_id: uuid.UUID, unix_ms: int) -> None:
    at = datetime.fromtimestamp(unix_ms / 1000, tz=UTC)
    code = checkin.read_check_in_code(
        checkin.make_check_in_code(holder_id, at, KEY), KEY.public_key()
    )
    assert code.holder_id == holder_id
    assert abs(code.issued_at - at) < timedelta(milliseconds=2)


def test_each_code_is_another() -> None:
    texts = [checkin.make_check_in_code(uuid.UUID(int=1), AT, KEY) for _ in range(50)]
    ids = {checkin.read_check_in_code(text, KEY.public_key()).code_id for text in texts}
    assert len(ids) == len(texts)


@pytest.mark.parametrize(
    ("seconds", "is_valid"),
    [(-31, False), (-30, True), (0, True), (60, True), (90, True), (91, False), (86400, False)],
)
def test_a_code_is_valid_for_a_minute_and_the_tolerance(seconds: int, is_valid: bool) -> None:
    code = checkin.CheckInCode(uuid.UUID(int=1), AT, "00")
    assert code.is_valid_at(AT + timedelta(seconds=seconds)) is is_valid


@given(st.integers(min_value=0, max_value=158), st.sampled_from("ABCDEFG234567"))
def test_a_changed_code_is_refused(place: int, letter: str) -> None:
    text = checkin.make_check_in_code(uuid.UUID(int=7), AT, KEY)
    place %= len(text) - 1  # the last letter holds bits that stand for nothing
    if text[place] == letter:
        return
    with pytest.raises(checkin.CheckInCodeError):
        checkin.read_check_in_code(text[:place] + letter + text[place + 1 :], KEY.public_key())


def test_a_code_of_another_server_is_refused() -> None:
    text = checkin.make_check_in_code(uuid.UUID(int=7), AT, Ed25519PrivateKey.generate())
    with pytest.raises(checkin.CheckInCodeError):
        checkin.read_check_in_code(text, KEY.public_key())


@given(st.one_of(st.text(max_size=600), st.text("RC1:ABCDEFGHIJ234567=", max_size=600)))
def test_no_text_breaks_the_readers(text: str) -> None:
    for scanned in (text, "RC1:" + text):
        with pytest.raises(checkin.CheckInCodeError):
            checkin.read_check_in_code(scanned, KEY.public_key())
    checkin.is_printed_card(text)
    checkin.is_check_in_code(text)
    try:
        number = checkin.read_card_number(text)
    except checkin.CheckInCodeError:
        return
    assert checkin.read_card_number(number) == number
    assert 4 <= len(number) <= checkin.MAX_CARD_CHARS


def test_a_printed_card_is_a_card_number_and_no_code() -> None:
    text = checkin.make_printed_card()
    assert checkin.is_printed_card(text)
    assert checkin.read_card_number(text) == text
    assert not checkin.is_check_in_code(text)


@pytest.mark.parametrize("typed", ["04a2:99ff", " 04A2:99FF\n", "04A2:99ff"])
def test_one_card_has_one_number(typed: str) -> None:
    assert checkin.read_card_number(typed) == "04A2:99FF"


@pytest.mark.parametrize("pin", ["", "12345", "1234567", "12345a", "１２３４５６", "-12345"])
def test_only_six_ascii_digits_are_a_pin(pin: str) -> None:
    assert not checkin.is_pin(pin)
    with pytest.raises(ValueError, match="six digits"):
        checkin.pin_base(pin, _SALT)


def test_a_verifier_depends_on_pin_kiosk_and_holder() -> None:
    base, other = checkin.pin_base("123456", _SALT), checkin.pin_base("123457", _SALT)
    verifiers = {
        checkin.pin_verifier(base, bytes(32), "a"),
        checkin.pin_verifier(base, bytes(32), "b"),
        checkin.pin_verifier(base, bytes([1]) * 32, "a"),
        checkin.pin_verifier(other, bytes(32), "a"),
    }
    assert len(verifiers) == 4
    assert checkin.pin_verifier(base, bytes(32), "a") in verifiers


def test_a_card_hash_depends_on_number_and_key() -> None:
    assert checkin.card_hash("04A2", bytes(32)) != checkin.card_hash("04A3", bytes(32))
    assert checkin.card_hash("04A2", bytes(32)) != checkin.card_hash("04A2", bytes([1]) * 32)
