"""Sealing: a data key opens on one kiosk, a template under its own id."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.v1 import sealing
from protocol.v1.errors import MalformedMessageError, SealError

KEY = sealing.make_sealing_key()
DATA_KEY = sealing.make_data_key()


def _wrap() -> str:
    public = sealing.sealing_public_text(KEY)
    return sealing.wrap_key(DATA_KEY, public, kiosk_id="k", key_id="1")


def test_data_key_opens_on_its_own_kiosk() -> None:
    restored = sealing.sealing_private_key(sealing.sealing_private_bytes(KEY))
    assert sealing.unwrap_key(_wrap(), restored, kiosk_id="k", key_id="1") == DATA_KEY


@pytest.mark.parametrize(("kiosk_id", "key_id"), [("k", "2"), ("other", "1")])
def test_data_key_is_bound_to_kiosk_and_key_id(kiosk_id: str, key_id: str) -> None:
    with pytest.raises(SealError):
        sealing.unwrap_key(_wrap(), KEY, kiosk_id=kiosk_id, key_id=key_id)


def test_data_key_does_not_open_with_another_key() -> None:
    with pytest.raises(SealError):
        sealing.unwrap_key(_wrap(), sealing.make_sealing_key(), kiosk_id="k", key_id="1")


@pytest.mark.parametrize("wrapped", ["", "AAAA", "!!!"])
def test_damaged_data_key_is_refused(wrapped: str) -> None:
    with pytest.raises(SealError):
        sealing.unwrap_key(wrapped, KEY, kiosk_id="k", key_id="1")


@pytest.mark.parametrize("public", ["", "AAAA", "%%%", base64.b64encode(bytes(32)).decode()])
def test_wrapping_for_a_key_that_is_none_is_refused(public: str) -> None:
    with pytest.raises(MalformedMessageError):
        sealing.wrap_key(DATA_KEY, public, kiosk_id="k", key_id="1")


@given(st.lists(st.floats(-60000, 60000, width=16), max_size=512))
def test_template_survives_sealing_exactly(values: list[float]) -> None:
    sealed = sealing.seal_template(sealing.pack_values(values), DATA_KEY, template_id="t")
    packed = sealing.open_template(sealed, DATA_KEY, template_id="t", dimension=len(values))
    assert sealing.unpack_values(packed) == values


def test_template_cannot_be_passed_off_as_another() -> None:
    sealed = sealing.seal_template(sealing.pack_values([1.0]), DATA_KEY, template_id="t")
    with pytest.raises(SealError):
        sealing.open_template(sealed, DATA_KEY, template_id="u", dimension=1)


def test_template_of_another_dimension_is_refused() -> None:
    sealed = sealing.seal_template(sealing.pack_values([1.0]), DATA_KEY, template_id="t")
    with pytest.raises(SealError):
        sealing.open_template(sealed, DATA_KEY, template_id="t", dimension=2)


@pytest.mark.parametrize("value", [1e6, -1e6])
def test_value_beyond_float16_is_refused(value: float) -> None:
    with pytest.raises(MalformedMessageError):
        sealing.pack_values([value])


def test_half_a_value_is_refused() -> None:
    with pytest.raises(MalformedMessageError):
        sealing.unpack_values(b"\0")


def test_private_key_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(MalformedMessageError):
        sealing.sealing_private_key(b"short")
