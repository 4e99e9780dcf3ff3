"""The list of kiosks is a file that people make in spreadsheets."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from provisioning.errors import ProvisioningError
from provisioning.fleet.listing import ListedRow, read_rows


def listing(tmp_path: Path, content: bytes) -> list[ListedRow]:
    path = tmp_path / "kiosks.csv"
    path.write_bytes(content)
    return read_rows(path)


@pytest.mark.parametrize(
    "content",
    [
        "name,room\nDoor of R12,R12\nباب,R14\n",
        "\ufeffname;room\r\nDoor of R12;R12\r\n;\r\nباب;R14\r\n",
        'Room,Note,NAME\nR12,"a, b",Door of R12\n\nR14,,باب',
    ],
    ids=["plain", "spreadsheet", "other columns"],
)
def test_names_and_rooms_are_read(content: str, tmp_path: Path) -> None:
    rows = listing(tmp_path, content.encode())
    assert [(row.name, row.room, row.fault) for row in rows] == [
        ("Door of R12", "R12", ""),
        ("باب", "R14", ""),
    ]


def test_each_wrong_row_says_what_is_wrong(tmp_path: Path) -> None:
    rows = listing(
        tmp_path, f"name,room\nA,R1\n,R2\nB\nA,R3\n{'x' * 81},R4\nC\x1b[2J,R5\n".encode()
    )
    assert [(row.line, row.fault) for row in rows] == [
        (2, "this name is in the file more than once"),
        (3, "the name is missing"),
        (4, "the room is missing"),
        (5, "this name is in the file more than once"),
        (6, "the name has more than 80 characters"),
        (7, "the name or the room has characters that cannot be shown"),
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must begin with the line: name,room"),
        (b"kiosk,room\nA,R1\n", "must begin with the line: name,room"),
        (b"name,room,name\nA,R1,B\n", "must begin with the line: name,room"),
        (b"name,room\n", "lists no kiosks"),
        (b'name,room\n"A,R1\n', "is not a CSV file"),
        (b"name,room\n\xff\xfe,R1\n", "not UTF-8 text"),
        (b"name,room\n" + b"A,R1\n" * 300_000, "too large"),
        (b"name,room\n" + b"A,R1\n" * 1001, "more than 1000 kiosks"),
    ],
)
def test_another_file_is_one_plain_sentence(content: bytes, words: str, tmp_path: Path) -> None:
    with pytest.raises(ProvisioningError, match=words) as caught:
        listing(tmp_path, content)
    assert "\n" not in str(caught.value)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
@given(
    content=st.binary()
    | st.text().map(lambda text: f"name,room\n{text}".encode("utf-8", "replace"))
)
def test_no_file_ends_in_anything_but_rows_or_a_sentence(content: bytes, tmp_path: Path) -> None:
    with suppress(ProvisioningError):
        rows = listing(tmp_path, content)
        assert all(row.fault or (row.name.isprintable() and row.room) for row in rows)
