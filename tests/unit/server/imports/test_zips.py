"""Archives are listed only where nothing in them lies; names lead to student numbers."""

import io
import struct
import zipfile
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.imports import zips
from server.imports.photo_files import is_by_folder, numbers_in
from server.imports.sheets import UnreadableFileError
from server.imports.zips import open_zip, read_whole
from tests.support.zips import central, ending, overlapping, zip_of

PHOTO = b"\xff\xd8\xff" + bytes(range(256)) * 2
PLAIN = zip_of({"00123.jpg": PHOTO, "7B/00124.jpg": PHOTO + b"2"})
_LONG = struct.Struct("<L")


def zip64_ending() -> bytes:
    at = PLAIN.rindex(b"PK\x05\x06")
    locator = b"PK\x06\x07" + bytes(16)
    return PLAIN[:at] + locator + PLAIN[at:]


def zip64_field() -> bytes:
    info = zipfile.ZipInfo("00123.jpg")
    info.extra = struct.pack("<2H2Q", 1, 16, len(PHOTO), len(PHOTO))
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w") as archive:
        archive.writestr(info, PHOTO)
    return found.getvalue()


def twice_the_same_name() -> bytes:
    data = zip_of({"00123.jpg": PHOTO, "00124.jpg": PHOTO})
    return data.replace(b"00124.jpg", b"00123.jpg")


def many_files() -> bytes:
    return zip_of({f"{number}.jpg": b"" for number in range(zips.MOST_FILES + 1)})


HOSTILE: dict[str, tuple[str, Callable[[], bytes]]] = {
    "nothing": ("zip_broken", lambda: b""),
    "no zip": ("zip_broken", lambda: PHOTO),
    "half of one": ("zip_broken", lambda: PLAIN[: len(PLAIN) // 2]),
    "more behind it": ("zip_broken", lambda: PLAIN + b"more"),
    "something before it": ("zip_broken", lambda: b"#!/bin/sh\n" + PLAIN),
    "a part of several": ("zip_broken", lambda: ending(PLAIN, 4, b"\1\0")),
    "a directory of 4 GB": ("zip_zip64", lambda: ending(PLAIN, 12, b"\xff\xff\xff\xff")),
    "a directory of 2 GB": ("zip_files", lambda: ending(PLAIN, 12, b"\0\0\0\x7f")),
    "a wrong count": ("zip_broken", lambda: ending(PLAIN, 10, b"\7\0")),
    "more files than allowed": ("zip_files", many_files),
    "a zip64 ending": ("zip_zip64", zip64_ending),
    "a zip64 size": ("zip_zip64", zip64_field),
    "a bomb": ("zip_ratio", lambda: zip_of({"1.jpg": bytes(3_000_000)}, packed=True)),
    "a size that lies": ("zip_ratio", lambda: central(PLAIN, 24, _LONG.pack(2**31))),
    "overlapping files": ("zip_broken", overlapping),
    "a file beyond the end": ("zip_broken", lambda: central(PLAIN, 20, _LONG.pack(2**20))),
    "two files of one name": ("zip_broken", twice_the_same_name),
    "a password": ("zip_password", lambda: central(PLAIN, 8, b"\1\0")),
    "a strange method": ("zip_method", lambda: central(PLAIN, 10, b"\x0c\0")),
    "a way out": ("zip_names", lambda: zip_of({"a/../../00123.jpg": PHOTO})),
    "a way out for Windows": ("zip_names", lambda: zip_of({"..\\00123.jpg": PHOTO})),
    "an absolute name": ("zip_names", lambda: zip_of({"/etc/00123.jpg": PHOTO})),
    "a drive": ("zip_names", lambda: zip_of({"C:\\00123.jpg": PHOTO})),
    "an unprintable name": ("zip_names", lambda: zip_of({"00123\n.jpg": PHOTO})),
    "an endless name": ("zip_names", lambda: zip_of({"0" * 400 + ".jpg": PHOTO})),
    "only folders": ("zip_empty", lambda: zip_of({"a/": b"", "__MACOSX/._1.jpg": b"x"})),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_archive_is_refused_with_its_reason(name: str) -> None:
    problem, make = HOSTILE[name]
    with pytest.raises(UnreadableFileError) as refused:
        open_zip(io.BytesIO(make()))
    assert refused.value.details["problem"] == problem


def test_files_are_listed_without_folders_and_what_programs_add() -> None:
    files = {"a/": b"", "a/1.jpg": PHOTO, "__MACOSX/a/._1.jpg": b"x", "Thumbs.db": b"x"}
    archive, listed = open_zip(io.BytesIO(zip_of(files | {"b\\2.png": b""})))
    assert [(one.number, one.path) for one in listed] == [(1, "a/1.jpg"), (2, "b/2.png")]
    assert read_whole(archive, listed[0], 10_000) == PHOTO


def test_a_damaged_or_too_large_file_is_not_read() -> None:
    at = PLAIN.index(PHOTO) + 40
    damaged = PLAIN[:at] + b"!" + PLAIN[at + 1 :]
    archive, listed = open_zip(io.BytesIO(damaged))
    assert read_whole(archive, listed[0], 10_000) is None
    assert read_whole(archive, listed[1], len(PHOTO)) is None
    assert read_whole(archive, listed[1], len(PHOTO) + 1) == PHOTO + b"2"


@given(st.binary(max_size=80), st.integers(0, len(PLAIN)), st.integers(0, 80))
def test_no_archive_causes_another_error(junk: bytes, at: int, length: int) -> None:
    data = PLAIN[:at] + junk + PLAIN[at + length :]
    try:
        archive, listed = open_zip(io.BytesIO(data))
    except UnreadableFileError:
        return
    for one in listed:
        content = read_whole(archive, one, 10_000)
        assert content is None or len(content) <= 10_000


@given(st.from_regex(r"[A-Za-z0-9-]{1,12}", fullmatch=True), st.integers(0, 99))
def test_file_folder_and_further_photos_lead_to_the_number(number: str, further: int) -> None:
    for path in (
        f"{number}.jpg",
        f"7B/photos/{number}.JPEG",
        f"{number}_{further}.jpg",
        f"all/{number}/anything at all.heic",
    ):
        assert number in numbers_in(path)


@pytest.mark.parametrize(
    ("path", "is_by"),
    [
        ("2026/00999.jpg", False),
        ("9/00999.jpg", False),
        ("2026/S999_2.jpg", False),
        ("00999.jpg", False),
        ("00123/1.jpg", True),
        ("00123/IMG_2.jpg", True),
        ("7B/00123/left.heic", True),
    ],
)
def test_a_folder_says_who_it_is_only_where_the_file_has_no_number(path: str, is_by: bool) -> None:
    assert is_by_folder(path) is is_by
