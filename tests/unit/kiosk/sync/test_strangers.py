"""Whatever is not our server's own answer to this request means nothing to the kiosk."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from kiosk.domain.health import LinkHealth
from kiosk.errors import AnswerError, SyncError, UnprovenAnswerError, UnreachableError
from kiosk.sync.clock import SystemClock
from kiosk.sync.http import ServerClient, Timeouts
from kiosk.sync.inbox import Inbox, Woken
from kiosk.sync.uploader import Uploader, UploadRoute
from protocol.v1.messages import Ack, Erasure, EventBatch, ScanTemplateBatch
from protocol.v1.signing import make_key, public_text
from protocol.v1.statements import SIGNATURE_HEADER, TIME_HEADER, sign_ack
from tests.fakes.answer_signing import signed_headers
from tests.fakes.kiosk_clock import START
from tests.fakes.scans import scan
from tests.fakes.school import CLAIM, KIOSK_ID, SERVER_KEY, config, page, revocation
from tests.fakes.stranger import Asked, Reply, standing_in
from tests.unit.kiosk.storage.drafts import draft, outbox_in

HTML = b"<html><body>Welcome to the guest network</body></html>"
CONFIG = config().to_json()
UNKNOWN = b'{"error": {"code": "unknown_device"}}'
REVOKED = b'{"error": {"code": "revoked"}, "revocation": ' + revocation().to_json() + b"}"
ACK = Ack(kiosk_id=KIOSK_ID, stored_through=9, server_time=START)
ERASURE = Erasure(
    id="0192f3a4-5b6c-7d8e-8f90-123456789abc",
    kiosk_id=KIOSK_ID,
    person_id="p1",
    erased_at=START,
    signature=revocation().signature,
)


def signed(asked: Asked, body: bytes, status: int = 200, **changes: object) -> Reply:
    request, answer = (asked.method, asked.target), (status, body)
    headers = signed_headers(asked.nonce, request, answer, **changes)  # type: ignore[arg-type]
    return Reply(status, body, headers)


def changed(asked: Asked, **changes: object) -> Reply:
    """Return a rightly signed configuration after something in between has changed it."""
    reply = signed(asked, CONFIG)
    facts = {"status": reply.status, "body": reply.body, "headers": reply.headers} | changes
    return Reply(**facts)  # type: ignore[arg-type]


def replayed(asked: Asked) -> Reply:
    return signed(Asked(asked.method, asked.target, "nonce-of-an-earlier-request", b""), CONFIG)


def of_another_call(asked: Asked) -> Reply:
    return signed(Asked(asked.method, "/api/v1/sync/other", asked.nonce, b""), CONFIG)


STRANGERS: dict[str, Callable[[Asked], Reply]] = {
    "portal": lambda _asked: Reply(200, HTML),
    "portal with a date": lambda _asked: Reply(
        200, HTML, {"Date": "Thu, 01 Jan 1970 00:00:09 GMT"}
    ),
    "empty": lambda _asked: Reply(204),
    "redirect": lambda asked: Reply(302, b"", {"Location": asked.target}),
    "proxy 401": lambda _asked: Reply(401, HTML),
    "proxy 403": lambda _asked: Reply(403, HTML),
    "proxy 407": lambda _asked: Reply(407, HTML),
    "proxy 503": lambda _asked: Reply(503, HTML),
    "not modified": lambda _asked: Reply(304),
    "json list": lambda _asked: Reply(200, b"[1, 2]"),
    "deep json": lambda _asked: Reply(200, b"[" * 100_000),
    "binary": lambda _asked: Reply(200, b"\xff\xfe\x00"),
    "coded": lambda asked: changed(asked, headers={"Content-Encoding": "gzip"}),
    "old server": lambda _asked: Reply(200, CONFIG, {TIME_HEADER: "2026-11-27T08:00:00.000Z"}),
    "old server 401": lambda _asked: Reply(401, UNKNOWN),
    "unsigned revocation": lambda _asked: Reply(401, REVOKED),
    "another server": lambda asked: signed(asked, CONFIG, key=make_key()),
    "another server 401": lambda asked: signed(asked, UNKNOWN, 401, key=make_key()),
    "replay": replayed,
    "other call": of_another_call,
    "other body": lambda asked: changed(asked, body=CONFIG.replace(b"R12", b"R13")),
    "other status": lambda asked: changed(asked, status=201),
    "other time": lambda asked: changed(
        asked, headers=signed(asked, CONFIG).headers | {TIME_HEADER: "2026-11-27T08:00:00.000Z"}
    ),
    "no time": lambda asked: changed(asked, headers={SIGNATURE_HEADER: "x"}),
    "long signature": lambda asked: changed(
        asked, headers=signed(asked, CONFIG).headers | {SIGNATURE_HEADER: "A" * 5000}
    ),
    "strange letters": lambda asked: changed(
        asked, headers=signed(asked, CONFIG).headers | {SIGNATURE_HEADER: "\xe4\xf6"}
    ),
}
CALLS: dict[str, Callable[[ServerClient], object]] = {
    "config": lambda client: client.config('"c0"'),
    "gallery": lambda client: client.gallery_page(0, 10),
    "events": lambda client: client.send_events(EventBatch(kiosk_id=KIOSK_ID, events=())),
    "erasure": lambda client: client.send_erasure(ERASURE),
    "scans": lambda client: client.send_scans(ScanTemplateBatch(scans=(scan("p1"),))),
}


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


def client_of(url: str, clock: SystemClock, timeouts: Timeouts | None = None) -> ServerClient:
    client = ServerClient(url, clock, timeouts)
    client.use_claim(CLAIM)
    return client


@pytest.mark.parametrize("stranger", STRANGERS)
def test_no_call_believes_a_stranger_and_no_clock_learns_from_one(
    stranger: str, clock: SystemClock
) -> None:
    with standing_in(STRANGERS[stranger]) as url:
        client = client_of(url, clock)
        for call in CALLS.values():
            with pytest.raises(UnprovenAnswerError):
                call(client)

    assert clock.reading().offset_ms is None
    assert client.health in (LinkHealth.FOREIGN, LinkHealth.OTHER_SERVER)


@pytest.mark.parametrize(
    ("stranger", "health"),
    [
        ("portal", LinkHealth.FOREIGN),
        ("redirect", LinkHealth.FOREIGN),
        ("proxy 503", LinkHealth.FOREIGN),
        ("old server", LinkHealth.OTHER_SERVER),
        ("old server 401", LinkHealth.OTHER_SERVER),
        ("another server", LinkHealth.OTHER_SERVER),
    ],
)
def test_the_kiosk_says_who_seems_to_answer(
    stranger: str, health: LinkHealth, clock: SystemClock
) -> None:
    with standing_in(STRANGERS[stranger]) as url:
        client = client_of(url, clock)
        with pytest.raises(UnprovenAnswerError):
            client.config("")

    assert client.health is health


def test_a_stranger_is_logged_once_until_it_is_gone(
    clock: SystemClock, caplog: pytest.LogCaptureFixture
) -> None:
    portal = itertools.repeat(STRANGERS["portal"], 3)

    def reply(asked: Asked) -> Reply:
        stranger = next(portal, None)
        return stranger(asked) if stranger else signed(asked, CONFIG)

    with standing_in(reply) as url, caplog.at_level("INFO"):
        client = client_of(url, clock)
        for _ in range(3):
            with pytest.raises(UnprovenAnswerError):
                client.config("")
        client.config("")

    said = [record for record in caplog.records if record.name == "kiosk.sync.http"]
    assert [record.getMessage() for record in said] == [
        "answers do not come from the server: something else answers instead of the server"
        " (status 200)",
        "server connected",
    ]


def test_a_document_without_end_is_not_read(clock: SystemClock) -> None:
    endless = itertools.repeat(b" " * 1_000_000)
    with (
        standing_in(lambda _asked: Reply(parts=endless)) as url,
        pytest.raises(UnprovenAnswerError, match="more than a server does"),
    ):
        client_of(url, clock).config("")


def test_an_ack_without_end_is_cut_earlier(clock: SystemClock) -> None:
    body = b" " * 300_000
    with (
        standing_in(lambda asked: signed(asked, body)) as url,
        pytest.raises(UnprovenAnswerError, match="more than a server does"),
    ):
        client_of(url, clock).send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))


def _drops() -> Iterator[bytes]:
    """Give one byte whenever it is asked for: the reader decides how long this lasts."""
    yield from itertools.repeat(b" ")


def test_an_answer_that_trickles_ends_in_time(clock: SystemClock) -> None:
    with standing_in(lambda _asked: Reply(parts=_drops())) as url:
        client = client_of(url, clock, Timeouts(1, 1, whole_s=0.2))
        with pytest.raises(UnreachableError, match="did not end in time"):
            client.config("")


def test_an_answer_that_breaks_off_is_none(clock: SystemClock) -> None:
    def broken(asked: Asked) -> Reply:
        whole = signed(asked, CONFIG)
        headers = whole.headers | {"Content-Length": str(len(CONFIG))}
        return Reply(200, b"", headers, iter([CONFIG[:100]]))

    with standing_in(broken) as url, pytest.raises(UnreachableError):
        client_of(url, clock).config("")


SIGNED_ACK = sign_ack(ACK, SERVER_KEY).to_json()
ACKS: dict[str, Callable[[Asked], Reply]] = {
    "unsigned": lambda _asked: Reply(200, ACK.to_json()),
    "in an unsigned answer": lambda _asked: Reply(200, SIGNED_ACK),
    "in an answer of another server": lambda asked: signed(asked, SIGNED_ACK, key=make_key()),
    "in an answer to another call": lambda asked: changed(
        asked, body=SIGNED_ACK, headers=signed(asked, CONFIG).headers
    ),
}


@pytest.mark.parametrize("send", ["send_events", "send_earlier_events"])
@pytest.mark.parametrize("which", ACKS)
def test_an_ack_over_http_needs_the_signature_of_its_answer(
    which: str, send: str, clock: SystemClock
) -> None:
    with standing_in(ACKS[which]) as url, pytest.raises(UnprovenAnswerError):
        getattr(client_of(url, clock), send)(EventBatch(kiosk_id=KIOSK_ID, events=()))


def test_an_unsigned_ack_over_http_delivers_nothing(tmp_path: Path, clock: SystemClock) -> None:
    outbox = outbox_in(tmp_path)
    outbox.append(draft())
    with closing(outbox), standing_in(ACKS["unsigned"]) as url:
        route = UploadRoute(KIOSK_ID, client_of(url, clock), None, public_text(SERVER_KEY))
        Uploader(outbox, route, inbox=Inbox(), clock=clock).turn([Woken()])

        assert outbox.waiting == 1


def test_an_ack_in_a_signed_answer_is_believed_without_a_signature(clock: SystemClock) -> None:
    with standing_in(lambda asked: signed(asked, ACK.to_json())) as url:
        ack = client_of(url, clock).send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))

    assert ack == ACK


def test_an_ack_for_another_kiosk_is_none(clock: SystemClock) -> None:
    other = ACK.model_copy(update={"kiosk_id": "kiosk-8"}).to_json()
    with standing_in(lambda asked: signed(asked, other)) as url, pytest.raises(AnswerError):
        client_of(url, clock).send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))


@pytest.mark.parametrize("body", [HTML, b"", b"[]"])
@pytest.mark.parametrize("call", ["config", "gallery", "events", "scans"])
def test_a_signed_answer_of_another_format_is_an_error(
    call: str, body: bytes, clock: SystemClock
) -> None:
    with standing_in(lambda asked: signed(asked, body)) as url, pytest.raises(SyncError):
        CALLS[call](client_of(url, clock))


def test_what_the_server_signed_counts(clock: SystemClock) -> None:
    bodies = {
        "/api/v1/sync/config": CONFIG,
        "/api/v1/sync/gallery?since=0&limit=10": page(0).to_json(),
        "/api/v1/sync/events": sign_ack(ACK, SERVER_KEY).to_json(),
        "/api/v1/sync/erasures": b"",
    }
    with standing_in(lambda asked: signed(asked, bodies[asked.target])) as url:
        client = client_of(url, clock)
        ack = client.send_events(EventBatch(kiosk_id=KIOSK_ID, events=()))
        client.send_erasure(ERASURE)

        assert client.config("") is not None
        assert client.gallery_page(0, 10).complete
    assert ack.stored_through == 9
    assert client.health is LinkHealth.UP


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(seconds=90)])
def test_the_clock_learns_the_signed_time(clock: SystemClock, ahead: timedelta) -> None:
    wrong = {"Date": "Thu, 01 Jan 1970 00:00:09 GMT"}

    def reply(asked: Asked) -> Reply:
        answer = signed(asked, CONFIG, ahead=ahead)
        return Reply(200, CONFIG, answer.headers | wrong)

    with standing_in(reply) as url:
        client_of(url, clock).config("")

    off = clock.reading().best_at - (datetime.now(UTC) + ahead)
    assert abs(off) < timedelta(seconds=2)
