"""An upload is judged by its own bytes, as the recognition service judges it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.stages import heic
from server.enrollment.photo import check_photo, is_heic
from server.errors import UnsupportedMediaError

BRANDS = [b"heic", b"heix", b"mif1", b"msf1", b"avif", b"avis", b"isom", b"mp42", b"miaf"]


def file_of(major: bytes, others: list[bytes], size: int | None = None) -> bytes:
    body = major + bytes(4) + b"".join(others)
    return (size or 8 + len(body)).to_bytes(4, "big") + b"ftyp" + body + bytes(200)


@pytest.mark.parametrize("major", [b"heic", b"heix", b"mif1", b"msf1", b"hevc"])
def test_heic_passes(major: bytes) -> None:
    check_photo(file_of(major, [b"mif1", b"heic"]), max_bytes=1000)


@pytest.mark.parametrize(
    "photo",
    [
        file_of(b"avif", [b"mif1", b"miaf"]),
        file_of(b"mif1", [b"avif", b"miaf"]),
        file_of(b"isom", [b"mp42"]),
        b"ftypheic" + bytes(200),
    ],
)
def test_avif_and_films_are_refused_with_what_helps(photo: bytes) -> None:
    with pytest.raises(UnsupportedMediaError, match="JPEG, PNG, WebP or HEIC"):
        check_photo(photo, max_bytes=1000)


@given(
    st.sampled_from(BRANDS),
    st.lists(st.sampled_from(BRANDS) | st.binary(max_size=4), max_size=40),
    st.none() | st.integers(0, 300),
)
def test_server_and_recognition_service_agree(
    major: bytes, others: list[bytes], size: int | None
) -> None:
    photo = file_of(major, others, size)

    assert is_heic(photo) == heic.is_heic(photo)
