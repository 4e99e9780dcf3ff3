"""The orientation is found wherever a phone or a program puts it."""

from __future__ import annotations

import io
import struct
import zlib
from itertools import permutations
from typing import TYPE_CHECKING, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.stages.decode import decode_image
from models.stages.orientation import stored_orientation, without_pixels
from models.stages.picture_header import PictureKind, picture_kind
from tests.unit.models.stages.test_decode import STORED, encoded, picture

if TYPE_CHECKING:
    from models.stages.images import BGRImage

Order = Literal["MM", "II"]
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_AS_ATTRIBUTE = b'<rdf:Description tiff:Orientation="%d"/>'
_AS_ELEMENT = b"<tiff:Orientation>%d</tiff:Orientation>"
_ICC = b"ICC_PROFILE\0\1\1" + bytes(600)


def tiff(orientation: int, order: Order = "MM") -> bytes:
    """EXIF with the camera's maker before the orientation, and a second directory behind."""
    sign = ">" if order == "MM" else "<"
    maker = struct.pack(f"{sign}HHI4s", 271, 2, 4, b"abc\0")
    turn = struct.pack(f"{sign}HHIHH", 274, 3, 1, orientation, 0)
    head = order.encode() + struct.pack(f"{sign}HI", 42, 8)
    return head + struct.pack(f"{sign}H", 2) + maker + turn + struct.pack(f"{sign}I", 0)


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def jpeg(image: BGRImage, segments: list[bytes]) -> bytes:
    """OpenCV's JFIF file with segments between the JFIF one and the rest."""
    data = encoded(".jpg", np.ascontiguousarray(image))
    end = 4 + int.from_bytes(data[4:6], "big")
    return data[:end] + b"".join(segments) + data[end:]


def chunk(kind: bytes, body: bytes) -> bytes:
    whole = kind + body
    return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))


def assert_upright(data: bytes) -> None:
    decoded = decode_image(data, max_pixels=1000)

    assert decoded.shape == (24, 40, 3)
    assert np.abs(decoded.astype(int) - picture()).mean() < 12


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_after_xmp_and_a_colour_profile(orientation: int, order: Order) -> None:
    exif = segment(0xE1, b"Exif\0\0" + tiff(orientation, order))
    others = [segment(0xE1, _XMP + b"<x/>"), segment(0xE2, _ICC)]

    assert_upright(jpeg(STORED[orientation](picture()), [*others, exif]))


@pytest.mark.parametrize("places", [*permutations(range(4))])
def test_exif_in_any_place_among_the_segments(places: tuple[int, ...]) -> None:
    segments = [
        segment(0xE1, b"Exif\0\0" + tiff(6)),
        segment(0xE1, _XMP + _AS_ATTRIBUTE % 6),
        segment(0xE2, _ICC),
        segment(0xFE, b"a comment"),
    ]

    assert_upright(jpeg(STORED[6](picture()), [segments[place] for place in places]))


@pytest.mark.parametrize("form", [_AS_ATTRIBUTE, _AS_ELEMENT])
@pytest.mark.parametrize("orientation", STORED)
def test_xmp_alone(orientation: int, form: bytes) -> None:
    xmp = segment(0xE1, _XMP + form % orientation)

    assert_upright(jpeg(STORED[orientation](picture()), [xmp]))


def test_exif_counts_where_xmp_says_otherwise() -> None:
    xmp = segment(0xE1, _XMP + _AS_ATTRIBUTE % 3)
    exif = segment(0xE1, b"Exif\0\0" + tiff(6))

    assert_upright(jpeg(STORED[6](picture()), [xmp, exif]))


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("is_last", [False, True])
def test_a_png_with_exif_before_or_after_its_pixels(
    orientation: int, order: Order, is_last: bool
) -> None:
    data = encoded(".png", np.ascontiguousarray(STORED[orientation](picture())))
    at = len(data) - 12 if is_last else 33

    assert_upright(data[:at] + chunk(b"eXIf", tiff(orientation, order)) + data[at:])


@pytest.mark.parametrize("orientation", STORED)
def test_a_png_with_xmp_alone(orientation: int) -> None:
    data = encoded(".png", np.ascontiguousarray(STORED[orientation](picture())))
    text = b"XML:com.adobe.xmp\0\0\0\0\0" + _AS_ATTRIBUTE % orientation

    assert_upright(data[:33] + chunk(b"iTXt", text) + data[33:])


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("orientation", STORED)
def test_a_webp_with_exif(orientation: int, order: Order) -> None:
    stored = np.ascontiguousarray(STORED[orientation](picture())[..., ::-1])
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, "WEBP", lossless=True, exif=tiff(orientation, order))

    assert_upright(buffer.getvalue())


@pytest.mark.parametrize("orientation", STORED)
def test_a_webp_with_xmp_alone(orientation: int) -> None:
    stored = np.ascontiguousarray(STORED[orientation](picture())[..., ::-1])
    buffer = io.BytesIO()
    Image.fromarray(stored).save(buffer, "WEBP", lossless=True, xmp=_AS_ATTRIBUTE % orientation)

    assert_upright(buffer.getvalue())


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_unknown_orientation_is_as_stored(orientation: int) -> None:
    assert_upright(jpeg(picture(), [segment(0xE1, b"Exif\0\0" + tiff(orientation))]))


def test_only_the_pixels_are_left_out_of_a_png() -> None:
    data = encoded(".png")

    assert b"IDAT" in data
    assert without_pixels(data) == data[:33] + chunk(b"IEND", b"")


@given(st.sampled_from([".jpg", ".png", ".webp"]), st.binary(max_size=200), st.integers(0, 400))
def test_damaged_metadata_never_stops_a_picture(suffix: str, damage: bytes, at: int) -> None:
    data = encoded(suffix)
    kind = picture_kind(data)

    assert stored_orientation(data[:at] + damage + data[at:], kind) in range(1, 9)


@given(st.binary(max_size=300))
def test_any_exif_gives_an_orientation(exif: bytes) -> None:
    data = jpeg(picture(), [segment(0xE1, b"Exif\0\0" + exif)])

    assert stored_orientation(data, PictureKind.JPEG) in range(1, 9)
