"""A download ends with the right file or with a sentence, whatever the publisher does."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from models.cli.download import Patience, download
from models.errors import DownloadError
from tests.unit.models.cli import publisher as answers

if TYPE_CHECKING:
    from http.server import BaseHTTPRequestHandler
    from pathlib import Path

    from tests.unit.models.cli.publisher import Answer, Publisher

PATIENCE = Patience(silence_s=0.2, attempts=2, pause_s=0, total_s=20)


def partial_of(publisher: Publisher, folder: Path) -> Path:
    return folder / f"{publisher.file.sha256[:16]}.partial"


def test_gets_the_file_and_leaves_nothing_behind(publisher: Publisher, tmp_path: Path) -> None:
    told: list[int] = []

    content = download(publisher.file, tmp_path / "new", PATIENCE, on_progress=told.append)

    assert content == publisher.content
    assert told == sorted(told)
    assert told[-1] == len(content)
    assert publisher.ranges == [None]
    assert list((tmp_path / "new").iterdir()) == []


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ([answers.truncated], "bytes=1536-"),
        ([answers.short], "bytes=1024-"),
        ([answers.silent], "bytes=10-"),
        ([answers.mute], None),
        ([answers.status(503)], None),
        ([answers.status(429)], None),
    ],
)
def test_goes_on_where_it_broke_off(
    publisher: Publisher, tmp_path: Path, first: list[Answer], then: str | None
) -> None:
    publisher.answers = [*first, answers.whole]

    assert download(publisher.file, tmp_path, PATIENCE) == publisher.content
    assert publisher.ranges == [None, then]


def test_goes_on_in_another_run(publisher: Publisher, tmp_path: Path) -> None:
    publisher.answers = [answers.truncated, answers.status(500)]
    with pytest.raises(DownloadError, match=r"1536 of 3072 bytes are here"):
        download(publisher.file, tmp_path, PATIENCE)
    publisher.answers, publisher.ranges = [answers.whole], []

    assert download(publisher.file, tmp_path, PATIENCE) == publisher.content
    assert publisher.ranges == ["bytes=1536-"]


@pytest.mark.parametrize("deaf", [answers.deaf_to_ranges, answers.another_range])
def test_starts_over_where_the_publisher_knows_no_ranges(
    publisher: Publisher, tmp_path: Path, deaf: Answer
) -> None:
    publisher.answers = [answers.truncated, deaf, answers.whole]

    assert download(publisher.file, tmp_path, PATIENCE) == publisher.content


def test_starts_over_where_the_range_is_refused(publisher: Publisher, tmp_path: Path) -> None:
    publisher.answers = [answers.truncated, answers.status(416), answers.whole]

    assert download(publisher.file, tmp_path, PATIENCE) == publisher.content
    assert publisher.ranges == [None, "bytes=1536-", None]


@pytest.mark.parametrize("left", [b"something else", b"x" * 5000])
def test_what_an_earlier_run_left_may_be_wrong(
    publisher: Publisher, tmp_path: Path, left: bytes
) -> None:
    partial_of(publisher, tmp_path).write_bytes(left)

    assert download(publisher.file, tmp_path, PATIENCE) == publisher.content
    assert publisher.ranges[-1] is None


@pytest.mark.parametrize("answer", [answers.altered, answers.endless])
def test_another_file_is_refused_and_not_kept(
    publisher: Publisher, tmp_path: Path, answer: Answer
) -> None:
    publisher.answers = [answer]

    with pytest.raises(DownloadError, match="is not the file that the card names"):
        download(publisher.file, tmp_path, PATIENCE)

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_a_refusal_ends_it_at_once(publisher: Publisher, tmp_path: Path, code: int) -> None:
    publisher.answers = [answers.status(code)]

    with pytest.raises(DownloadError, match=f"weights.bin answers {code}"):
        download(publisher.file, tmp_path, PATIENCE)

    assert len(publisher.ranges) == 1


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (answers.mute, "nothing came for 0.2 s"),
        (answers.status(502), "answers 502"),
        (answers.another_range, "broke off|another part"),
    ],
)
def test_patience_ends(publisher: Publisher, tmp_path: Path, answer: Answer, reason: str) -> None:
    publisher.answers = [answer]

    with pytest.raises(DownloadError, match=reason):
        download(publisher.file, tmp_path, PATIENCE)


def test_a_trickle_ends(publisher: Publisher, tmp_path: Path) -> None:
    publisher.answers = [answers.trickling]
    patience = Patience(silence_s=5, attempts=2, pause_s=0, total_s=0.1)

    with pytest.raises(DownloadError, match="too slow"):
        download(publisher.file, tmp_path, patience)


def test_a_steady_file_may_take_many_attempts(publisher: Publisher, tmp_path: Path) -> None:
    publisher.answers = [*[halved] * 6, answers.whole]

    assert download(publisher.file, tmp_path, PATIENCE) == publisher.content
    assert len(publisher.ranges) == 7


def halved(publisher: Publisher, request: BaseHTTPRequestHandler) -> None:
    """Send half of what is asked for."""
    asked = request.headers.get("Range", "bytes=0-")
    start = int(asked.removeprefix("bytes=").removesuffix("-"))
    rest = publisher.content[start:]
    answers.send(
        request,
        rest[: len(rest) // 2],
        status=206,
        length=len(rest),
        content_range=f"bytes {start}-3071/3072",
    )


def test_a_publisher_out_of_reach_is_named(publisher: Publisher, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    file = publisher.file.model_copy(update={"url": f"http://127.0.0.1:{port}/weights.bin"})

    with pytest.raises(DownloadError, match=r"cannot be had from 127\.0\.0\.1: it cannot be"):
        download(file, tmp_path, PATIENCE)
