"""The download of a card against a server, or a proxy, that answers in any way."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from provisioning.image.on_card.fetch_bundle import BundleDownload, BundleSource, FetchError

pytestmark = pytest.mark.integration
MODEL = b"0123456789" * 50
MANIFEST = json.dumps(
    {
        "files": [
            {
                "path": "models/face.tflite",
                "sha256": hashlib.sha256(MODEL).hexdigest(),
                "bytes": len(MODEL),
            }
        ]
    }
).encode()
DIGEST = hashlib.sha256(MANIFEST).hexdigest()


@dataclass
class OddServer:
    """Answers as planned, then rightly.

    Attributes:
        url: its address.
        planned: status, headers and body of the next answers about the model.
        asked: the headers of each request about the model.
    """

    url: str = ""
    planned: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    asked: list[dict[str, str]] = field(default_factory=list)

    def answer(self, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        """Say what a request gets."""
        if path.endswith("/manifest.json"):
            return 200, {"Content-Length": str(len(MANIFEST))}, MANIFEST
        self.asked.append(headers)
        return self.planned.pop(0) if self.planned else whole()


def whole(body: bytes = MODEL) -> tuple[int, dict[str, str], bytes]:
    return 200, {"Content-Length": str(len(body))}, body


@pytest.fixture
def server() -> Iterator[OddServer]:
    found = OddServer()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            pass

        def do_GET(self) -> None:
            status, headers, body = found.answer(self.path, dict(self.headers))
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        found.url = f"http://127.0.0.1:{http.server_address[1]}"
        yield found
        http.shutdown()
        thread.join()


@dataclass
class Card:
    """A download that waits for nothing.

    Attributes:
        folder: where it goes.
        waits: how long it would have waited, seconds.
        told: lines for the screen.
    """

    server: OddServer
    folder: Path
    waits: list[float] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def fetch(self) -> bytes:
        """Download everything; returns the model."""
        source = BundleSource(self.server.url + "/", DIGEST, "7KQ2M9TX", None)
        where = source, self.folder, self.told.append
        BundleDownload(*where, wait=self.waits.append, tries=3).complete(DIGEST)
        return (self.folder / "bundle/models/face.tflite").read_bytes()

    @property
    def part(self) -> Path:
        """What came of the model."""
        return self.folder / "parts" / hashlib.sha256(MODEL).hexdigest()


@pytest.fixture
def card(server: OddServer, tmp_path: Path) -> Card:
    return Card(server, tmp_path / "download")


def test_it_sends_the_claim_code_and_nothing_is_asked_twice(card: Card) -> None:
    assert card.fetch() == MODEL
    assert card.fetch() == MODEL

    (asked,) = card.server.asked
    assert asked["Authorization"] == "Claim 7KQ2M9TX"
    assert "Range" not in asked
    assert card.waits == []


def test_it_asks_for_the_rest_alone(card: Card) -> None:
    card.server.planned = [
        (200, {"Content-Length": str(len(MODEL))}, MODEL[:300]),
        (206, {"Content-Length": "200", "Content-Range": "bytes 300-499/500"}, MODEL[300:]),
    ]
    assert card.fetch() == MODEL

    assert card.server.asked[1]["Range"] == "bytes=300-"
    assert card.server.asked[1]["If-Range"] == f'"{hashlib.sha256(MODEL).hexdigest()}"'


@pytest.mark.parametrize(
    "second",
    [
        whole(),
        (200, {}, MODEL),
        (206, {"Content-Length": "500", "Content-Range": "bytes 0-499/500"}, MODEL),
    ],
    ids=["whole", "no-length", "other-part"],
)
def test_an_answer_that_is_not_the_rest_begins_anew(
    card: Card, second: tuple[int, dict[str, str], bytes]
) -> None:
    card.server.planned = [(200, {"Content-Length": "500"}, MODEL[:300]), second]
    assert card.fetch() == MODEL


def test_a_file_that_is_whole_already_is_used(card: Card) -> None:
    card.part.parent.mkdir(parents=True)
    card.part.write_bytes(MODEL)
    assert card.fetch() == MODEL
    assert card.server.asked == []


def test_a_part_of_an_unknown_length_that_has_no_rest_is_checked(card: Card) -> None:
    card.part.parent.mkdir(parents=True)
    card.part.write_bytes(bytes(300))
    card.server.planned = [(416, {}, b"")]
    assert card.fetch() == MODEL
    assert "Range" not in card.server.asked[1]


@pytest.mark.parametrize(
    "body",
    [bytes(500), MODEL + b"more", MODEL + bytes(1_000_000)],
    ids=["other", "longer", "huge"],
)
def test_another_file_is_refused_and_deleted(card: Card, body: bytes) -> None:
    card.server.planned = [whole(body)] * 9
    with pytest.raises(FetchError, match="is not the file for which this card was prepared"):
        card.fetch()

    assert len(card.server.asked) <= 4
    assert not card.part.exists()
    assert not (card.folder / "bundle/models/face.tflite").exists()


def test_a_busy_server_is_asked_again_when_it_says(card: Card) -> None:
    busy = (503, {"Retry-After": "20"}, b"")
    card.server.planned = [busy] * 5 + [(503, {"Retry-After": "soon"}, b"")]
    assert card.fetch() == MODEL

    assert all(10 <= wait <= 30 for wait in card.waits[:5])
    assert 2.5 <= card.waits[5] <= 7.5
    assert card.told[0] == "Waiting, as the server is busy with other kiosks."
    assert len(card.told) == 2


@pytest.mark.parametrize(
    ("answer", "words", "times"),
    [
        ((500, {}, b""), "answers with error 500", 3),
        ((302, {"Location": "http://127.0.0.1:9/"}, b""), "answers with error 302", 3),
        ((403, {}, b""), "the claim code of this card does not work any more", 1),
        ((429, {}, b""), "the claim code of this card does not work any more", 1),
        ((401, {}, b""), "the claim code of this card does not work any more", 1),
        ((404, {}, b""), "lacks models/face.tflite", 1),
        ((200, {"Content-Length": "500"}, b""), "broke off", 3),
    ],
)
def test_an_answer_of_no_use_is_a_sentence(
    card: Card, answer: tuple[int, dict[str, str], bytes], words: str, times: int
) -> None:
    card.server.planned = [answer] * 9
    with pytest.raises(FetchError, match=words):
        card.fetch()
    assert len(card.server.asked) == times


def test_progress_is_told_in_few_lines(card: Card) -> None:
    card.fetch()
    assert card.told == ["Downloaded 0 of 0 MB."]


def test_an_authority_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(FetchError, match="holds no certificate"):
        BundleSource("https://127.0.0.1:9", DIGEST, "7KQ2M9TX", tmp_path / "ca.pem")
