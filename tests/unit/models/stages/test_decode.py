"""Uploads are decoded upright, and refused by name before they can do harm."""

from __future__ import annotations

import resource
import struct
import zlib
from typing import TYPE_CHECKING

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ImageError, ImageErrorCode
from models.stages.decode import decode_image
from models.stages.orientation import upright
from models.stages.picture_header import image_size, is_row_by_row
from tests.unit.models.stages import heic_pictures

if TYPE_CHECKING:
    from models.stages.images import BGRImage

FORMATS = [".jpg", ".png", ".webp"]
# What each EXIF orientation does to a stored picture, as operations on the upright one.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[::-1],
    7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
    8: lambda a: a.transpose(1, 0, 2)[:, ::-1],
}


def picture(height: int = 24, width: int = 40) -> BGRImage:
    """Blue, green, red and white quarters."""
    quarters = np.zeros((height, width, 3), np.uint8)
    quarters[: height // 2, : width // 2, 0] = 255
    quarters[: height // 2, width // 2 :, 1] = 255
    quarters[height // 2 :, : width // 2, 2] = 255
    quarters[height // 2 :, width // 2 :] = 255
    return quarters


def encoded(suffix: str, image: BGRImage | None = None) -> bytes:
    done, data = cv2.imencode(suffix, picture() if image is None else image)
    assert done
    return data.tobytes()


def with_exif(suffix: str, image: BGRImage, orientation: int) -> bytes:
    """Encode an image as a camera that was held another way would."""
    data = encoded(suffix, np.ascontiguousarray(image))
    tiff = b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 274, 3, 1, orientation, 0, 0)
    if suffix == ".jpg":
        segment = b"Exif\0\0" + tiff
        return data[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + data[2:]
    if suffix == ".png":
        chunk = b"eXIf" + tiff
        return data[:33] + struct.pack(">I", len(tiff)) + chunk + crc(chunk) + data[33:]
    height, width = image.shape[:2]
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    extended = b"VP8X" + struct.pack("<I", 10) + bytes([8, 0, 0, 0]) + canvas
    body = b"WEBP" + extended + data[12:] + b"EXIF" + struct.pack("<I", len(tiff)) + tiff
    return b"RIFF" + struct.pack("<I", len(body)) + body


def crc(chunk: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(chunk))


def code_of(data: bytes, max_pixels: int = 10**6) -> ImageErrorCode:
    with pytest.raises(ImageError) as caught:
        decode_image(data, max_pixels=max_pixels)
    return caught.value.code


@pytest.mark.parametrize("suffix", FORMATS)
def test_decodes_what_it_promises(suffix: str) -> None:
    decoded = decode_image(encoded(suffix), max_pixels=1000)

    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - picture()).mean() < 12


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("orientation", STORED)
def test_turns_the_picture_upright(suffix: str, orientation: int) -> None:
    data = with_exif(suffix, STORED[orientation](picture()), orientation)

    decoded = decode_image(data, max_pixels=1000)

    assert decoded.shape == (24, 40, 3)
    assert np.abs(decoded.astype(int) - picture()).mean() < 12


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_leaves_an_unknown_orientation_alone(orientation: int) -> None:
    assert np.array_equal(upright(picture(), orientation), picture())


@pytest.mark.parametrize("suffix", FORMATS)
def test_refuses_more_pixels_than_allowed(suffix: str) -> None:
    assert decode_image(encoded(suffix), max_pixels=24 * 40).shape == (24, 40, 3)
    assert code_of(encoded(suffix), max_pixels=24 * 40 - 1) is ImageErrorCode.TOO_LARGE


@pytest.mark.parametrize("shape", [(1, 32_767), (32_767, 1)])
def test_refuses_a_side_too_long_for_the_stages_however_few_the_pixels(
    shape: tuple[int, int],
) -> None:
    assert code_of(encoded(".png", picture(*shape))) is ImageErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    "tail",
    [
        b"C\xd3\xcf!\x0b\xda\xf0)\xfc}" + bytes(100),  # a chunk of 1.1 GB
        b"\xff\xd8\xff\xe0\n\0",  # not even a whole one, of 4.2 GB
        b"\0\0\0\4IEND" + bytes(8) + b"\x7f\0\0\0abcd" + bytes(50),  # an end that goes on
        b"\0\0\0\0IEND" + bytes(4) + b"\x7f\0\0\0abcd" + bytes(50),  # something after the end
    ],
)
def test_a_png_chunk_longer_than_the_file_is_refused_unread(tail: bytes) -> None:
    header = encoded(".png")[:33]
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with pytest.raises(ImageError) as caught:
        decode_image(header + tail, max_pixels=1_000_000)

    assert caught.value.code is ImageErrorCode.CORRUPT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100_000


def test_refuses_a_bomb_by_its_header_alone() -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    bomb = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + crc(header)

    assert code_of(bomb) is ImageErrorCode.TOO_LARGE


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", ImageErrorCode.EMPTY),
        (b"hello, this is text", ImageErrorCode.NOT_AN_IMAGE),
        (b"\0", ImageErrorCode.NOT_AN_IMAGE),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", ImageErrorCode.NOT_AN_IMAGE),
        (b"GIF89a" + bytes(50), ImageErrorCode.UNSUPPORTED_FORMAT),
        (b"BM" + bytes(50), ImageErrorCode.UNSUPPORTED_FORMAT),
        (b"II*\0" + bytes(50), ImageErrorCode.UNSUPPORTED_FORMAT),
        (b"\0\0\0\x18ftypheic" + bytes(50), ImageErrorCode.CORRUPT),
        (b"\0\0\0\x18ftyphevx" + bytes(50), ImageErrorCode.CORRUPT),
        (b"\0\0\0\x18ftypmif2" + bytes(50), ImageErrorCode.CORRUPT),
        (b"\0\0\0\x1cftypabcd\0\0\0\0abcdheim" + bytes(50), ImageErrorCode.CORRUPT),
        (b"\0\0\0\x18ftypavif" + bytes(50), ImageErrorCode.UNSUPPORTED_FORMAT),
        (b"\0\0\0\x1cftypmif1\0\0\0\0abcdavif" + bytes(50), ImageErrorCode.UNSUPPORTED_FORMAT),
        (b"\0\0\0\x18ftypisom" + bytes(50), ImageErrorCode.NOT_AN_IMAGE),
        (b"%PDF-1.7", ImageErrorCode.UNSUPPORTED_FORMAT),
        (b"\xff\xd8\xff", ImageErrorCode.CORRUPT),
        (b"\x89PNG\r\n\x1a\n", ImageErrorCode.CORRUPT),
        (b"RIFF\x08\0\0\0WEBP", ImageErrorCode.CORRUPT),
        (b"RIFF\x08\0\0\0WEBPVP8X", ImageErrorCode.CORRUPT),
    ],
)
def test_names_what_is_wrong(data: bytes, code: ImageErrorCode) -> None:
    assert code_of(data) is code


@pytest.mark.parametrize("suffix", FORMATS)
def test_refuses_a_picture_that_ends_early(suffix: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    data = encoded(suffix, noise)
    cuts = range(40, len(data) - 2, max(1, len(data) // 60))

    assert {code_of(data[:cut]) for cut in cuts} == {ImageErrorCode.CORRUPT}


@pytest.mark.parametrize("data", [heic_pictures.UPRIGHT, heic_pictures.TURNED])
def test_a_heic_file_is_decoded_as_it_is_shown(data: bytes) -> None:
    decoded = decode_image(data, max_pixels=48 * 80)

    assert decoded.shape == (48, 80, 3)
    assert np.abs(decoded.astype(int) - picture(48, 80)).mean() < 12


def test_a_heic_file_of_odd_size_is_decoded_whole() -> None:
    decoded = decode_image(heic_pictures.ODD, max_pixels=10_000)

    assert decoded.shape == (45, 61, 3)
    assert np.abs(decoded.astype(int) - picture(45, 61)).mean() < 12


def test_a_decoded_heic_picture_outlives_its_file() -> None:
    """pi-heif frees the pixels with the file; an array that still showed them crashed."""
    kept = [decode_image(heic_pictures.UPRIGHT, max_pixels=10_000) for _ in range(50)]
    others = [decode_image(heic_pictures.ODD, max_pixels=10_000) for _ in range(50)]

    assert len(others) == 50
    assert all(one.flags.owndata and np.array_equal(one, kept[0]) for one in kept)


def test_a_heic_file_keeps_to_the_limit() -> None:
    assert code_of(heic_pictures.UPRIGHT, max_pixels=48 * 80 - 1) is ImageErrorCode.TOO_LARGE


def test_a_heic_file_larger_than_its_header_says_is_refused() -> None:
    at = heic_pictures.UPRIGHT.index(b"ispe") + 8
    small = struct.pack(">II", 8, 8)
    data = heic_pictures.UPRIGHT[:at] + small + heic_pictures.UPRIGHT[at + 8 :]

    assert code_of(data) is ImageErrorCode.CORRUPT


def test_a_heic_file_that_ends_early_is_refused() -> None:
    cuts = range(40, len(heic_pictures.UPRIGHT) - 8, 20)

    assert {code_of(heic_pictures.UPRIGHT[:cut]) for cut in cuts} == {ImageErrorCode.CORRUPT}


@pytest.mark.parametrize(
    ("width", "height", "decoded"),
    [(5000, 5000, (5000, 5000)), (8064, 6048, (3024, 4032)), (12_001, 9000, (2250, 3001))],
)
def test_a_large_jpeg_is_decoded_at_reduced_size(
    width: int, height: int, decoded: tuple[int, int]
) -> None:
    data = encoded(".jpg", picture(height, width))

    assert decode_image(data, max_pixels=10**6, max_jpeg_pixels=200_000_000).shape[:2] == decoded


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_other_large_pictures_are_made_smaller(suffix: str) -> None:
    decoded = decode_image(encoded(suffix, picture(3000, 9000)), max_pixels=27_000_000)

    assert decoded.shape == (1500, 4500, 3)
    assert np.abs(decoded[::50, ::50].astype(int) - picture(30, 90)).mean() < 12


def test_a_large_jpeg_is_turned_as_well() -> None:
    data = with_exif(".jpg", STORED[6](picture(6000, 8000)), 6)

    decoded = decode_image(data, max_pixels=48_000_000)

    assert decoded.shape == (3000, 4000, 3)
    assert np.abs(decoded[::50, ::50].astype(int) - picture(60, 80)).mean() < 12


@pytest.mark.parametrize("suffix", FORMATS)
def test_only_row_by_row_jpegs_may_exceed_the_limit(suffix: str) -> None:
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1] if suffix == ".jpg" else []
    data = cv2.imencode(suffix, picture(), progressive)[1].tobytes()

    with pytest.raises(ImageError) as caught:
        decode_image(data, max_pixels=24 * 40 - 1, max_jpeg_pixels=10**6)

    assert caught.value.code is ImageErrorCode.TOO_LARGE


def test_a_jpeg_whose_colours_come_one_after_another_keeps_to_the_limit() -> None:
    data = bytearray(encoded(".jpg"))
    scan = data.index(b"\xff\xda")
    data[scan + 4] = 1  # the first scan has one of three colours

    assert is_row_by_row(encoded(".jpg"))
    assert not is_row_by_row(bytes(data))


@given(
    suffix=st.sampled_from(FORMATS),
    changes=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), max_size=20),
    cut=st.integers(0, 10**6),
    orientation=st.sampled_from([None, 1, 6]),
)
def test_damaged_pictures_are_decoded_or_refused_and_nothing_else(
    suffix: str, changes: list[tuple[int, int]], cut: int, orientation: int | None
) -> None:
    data = bytearray(with_exif(suffix, picture(), orientation) if orientation else encoded(suffix))
    for position, value in changes:
        data[position % len(data)] = value

    outcome = outcome_of(bytes(data[: cut % len(data) + 1]))

    assert outcome in {"decoded", *ImageErrorCode}


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBPVP8L"]))
def test_any_bytes_have_a_size_or_a_reason(tail: bytes, head: bytes) -> None:
    assert outcome_of(head + tail) in {"decoded", *ImageErrorCode}


def outcome_of(data: bytes) -> str:
    try:
        decoded = decode_image(data, max_pixels=10**6)
    except ImageError as error:
        return error.code
    assert decoded.size <= 3 * 10**6
    return "decoded"


def test_reads_the_size_of_a_lossy_webp() -> None:
    done, data = cv2.imencode(".webp", picture(), [cv2.IMWRITE_WEBP_QUALITY, 80])

    assert done
    assert image_size(data.tobytes()) == (40, 24)
