"""A small real HTTP server that speaks protocol v1 to one kiosk, and can be told to misbehave."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from pydantic import ValidationError

from protocol.v1 import messages as m
from protocol.v1 import signing, statements
from protocol.v1.errors import ProtocolError
from tests.fakes.answer_signing import signed_headers
from tests.fakes.scans import opened
from tests.fakes.school import DEVICE_TOKEN, KIOSK_ID, SERVER_KEY, claim_response, config, page

CLAIM_CODE = "ABCD2345"
_EVENT_PATHS = ("/api/v1/sync/events", "/api/v1/sync/earlier-events")


class SchoolServer:
    """What the server knows and does; tests change it freely.

    Attributes:
        events: stored, by sequence number.
        upserts, tombstones: of the gallery, ordered by change.
        broken_status: answer everything with this status while set.
        paced: details of the 429 that batches of events get while set.
        knows_kiosk: the token is known; false after a restore of an older database.
        revocation: the token was revoked; what the server says then.
        is_signing: answers are signed; an older server does not.
        ahead: how far the server's clock is ahead of ours.
        scans: templates of clear scans, by id; each was checked when it came.
        judged_at_once: how many scans of a batch are judged; the others are not named.
        refused_people: whose scans are refused.
        spoil_page: answer gallery requests with bytes that make no sense.
        credentials: what it gives of PINs and cards; None: an older server.
        ca_pem: the authorities that it names.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.events: dict[int, m.AttendanceEvent] = {}
        self.refuse_ids: dict[str, str] = {}
        self.batches: list[m.EventBatch] = []
        self.config = config()
        self.upserts: list[m.TemplateUpsert] = []
        self.tombstones: list[m.Tombstone] = []
        self.erasures: list[m.Erasure] = []
        self.scans: dict[str, m.ScanTemplate] = {}
        self.judged_at_once = m.MAX_SCANS_PER_BATCH
        self.refused_people: set[str] = set()
        self.broker: m.BrokerAccess | None = None
        self.signing_key: str | None = None
        self.broken_status: int | None = None
        self.paced: dict[str, Any] | None = None
        self.knows_kiosk = True
        self.revocation: m.Revocation | None = None
        self.is_signing = True
        self.ahead = timedelta(0)
        self.spoil_page = False
        self.claims = 0
        self.credentials: m.CredentialDocument | None = None
        self.credential_hits: list[int] = []
        self.config_hits: list[int] = []
        self.gallery_hits: list[int] = []
        self.ca_pem: str | None = None

    def take_events(self, batch: m.EventBatch) -> m.Ack:
        """Verify and store, as the real server does, and say what is held."""
        with self.lock:
            self.batches.append(batch)
            refused = [refusal for raw in batch.events if (refusal := self._take(raw))]
            first, *beyond = runs_of(self.held())
            unsigned = m.Ack(
                kiosk_id=KIOSK_ID,
                stored_through=first.stop - 1,
                stored_beyond=tuple(m.SeqRange(first=run.start, last=run[-1]) for run in beyond),
                refused=tuple(refused),
                server_time=datetime.now(UTC),
            )
            return statements.sign_ack(unsigned, SERVER_KEY)

    def held(self) -> set[int]:
        """Return the numbers in the server's keeping: 0, those stored, those a gap event names."""
        gaps = [event.gap for event in self.events.values() if event.gap is not None]
        closed = {seq for gap in gaps for seq in range(gap.first, gap.last + 1)}
        return {0, *self.events, *closed}

    def _take(self, raw: m.RawEvent) -> m.EventRefusal | None:
        event_id = str(raw["id"])
        assert self.signing_key is not None
        try:
            event = signing.verify_event(raw, signing.public_key(self.signing_key))
        except ProtocolError as exc:
            return m.EventRefusal(id=event_id, reason=exc.reason)
        self.events.setdefault(event.seq, event)
        reason = self.refuse_ids.get(event_id)
        return m.EventRefusal(id=event_id, seq=event.seq, reason=reason) if reason else None

    def take_scans(self, batch: m.ScanTemplateBatch) -> m.ScanTemplateReceipt:
        """Check signature and seal of each scan and judge the first ones, as many as may be."""
        judged = batch.scans[: self.judged_at_once]
        for one in judged:
            opened(one, self.signing_key)
            self.scans[one.id] = one
        refused = tuple(one.id for one in judged if one.person_id in self.refused_people)
        accepted = tuple(one.id for one in judged if one.id not in refused)
        return m.ScanTemplateReceipt(accepted=accepted, refused=refused)

    def gallery_page(self, since: int, limit: int) -> m.GalleryPage:
        entries: list[m.TemplateUpsert | m.Tombstone] = [*self.upserts, *self.tombstones]
        changes = sorted(
            (entry for entry in entries if entry.change > since), key=lambda entry: entry.change
        )
        part = changes[:limit]
        return page(
            since,
            [entry for entry in part if isinstance(entry, m.TemplateUpsert)],
            [entry for entry in part if isinstance(entry, m.Tombstone)],
            complete=len(part) == len(changes),
        )

    def claim(self, request: m.ClaimRequest) -> m.ClaimResponse | None:
        self.claims += 1
        if request.claim_code != CLAIM_CODE:
            return None
        body = request.model_dump(mode="json", exclude={"proof"})
        key = signing.public_key(request.signing_key)
        signing.verify_document(body, request.proof, key, context="claim")
        self.signing_key = request.signing_key
        self.knows_kiosk = True
        claim = claim_response(request.sealing_key, broker=self.broker, claim=self.claims)
        return claim.model_copy(update={"ca_pem": self.ca_pem})


def runs_of(numbers: set[int]) -> list[range]:
    """Return the runs of consecutive numbers, the lowest first."""
    runs: list[range] = []
    for number in sorted(numbers):
        if runs and runs[-1].stop == number:
            runs[-1] = range(runs[-1].start, number + 1)
        else:
            runs.append(range(number, number + 1))
    return runs


class _Handler(BaseHTTPRequestHandler):
    school: SchoolServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._route("GET")

    def do_POST(self) -> None:
        self._route("POST")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args

    def _route(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        if url.path == "/api/v1/devices/trust":
            self._send_raw(200, m.TrustOffer(ca_pem=self.school.ca_pem).to_json())
        elif self.school.broken_status is not None:
            self._send(self.school.broken_status, {"error": {"code": "broken"}})
        elif url.path == "/api/v1/devices/claim":
            self._claim(body)
        elif self.school.revocation is not None:
            revocation = self.school.revocation.model_dump(mode="json")
            self._send(401, {"error": {"code": "revoked"}, "revocation": revocation})
        elif not self._is_known():
            self._send(401, {"error": {"code": "unknown_device"}})
        else:
            self._synced(method, url.path, parse_qs(url.query), body)

    def _is_known(self) -> bool:
        is_ours = self.headers.get("Authorization") == f"Device {DEVICE_TOKEN}"
        return is_ours and self.school.knows_kiosk

    def _claim(self, body: bytes) -> None:
        try:
            answer = self.school.claim(m.ClaimRequest.model_validate_json(body))
        except (ValidationError, ProtocolError):
            answer = None
        if answer is None:
            self._send(403, {"error": {"code": "claim_refused"}})
        else:
            self._send_raw(200, answer.to_json())

    def _synced(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> None:
        if path == "/api/v1/sync/config":
            self._config()
        elif path == "/api/v1/sync/credentials" and self.school.credentials is not None:
            self._credentials(self.school.credentials)
        elif path == "/api/v1/sync/gallery" and self.school.spoil_page:
            self._send_raw(200, b'{"since": 0, "next": ')
        elif path == "/api/v1/sync/gallery":
            since, limit = int(query["since"][0]), int(query["limit"][0])
            self._gallery(self.school.gallery_page(since, limit))
        elif path in _EVENT_PATHS and self.school.paced is not None:
            self._send(429, {"error": {"code": m.TOO_MANY_EVENTS, "details": self.school.paced}})
        elif (method, path) == ("POST", "/api/v1/sync/events"):
            ack = self.school.take_events(m.EventBatch.model_validate_json(body))
            self._send_raw(200, ack.to_json())
        elif (method, path) == ("POST", "/api/v1/sync/erasures"):
            self.school.erasures.append(m.Erasure.model_validate_json(body))
            self._send_raw(204, b"")
        elif (method, path) == ("POST", "/api/v1/kiosk/scan-templates"):
            receipt = self.school.take_scans(m.ScanTemplateBatch.model_validate_json(body))
            self._send_raw(200, receipt.to_json())
        else:
            self._send(404, {"error": {"code": "not_found"}})

    def _gallery(self, page: m.GalleryPage) -> None:
        is_empty = not (page.upserts or page.tombstones)
        etag = f'"gallery-{page.next}"' if is_empty else ""
        is_known = etag != "" and self.headers.get("If-None-Match") == etag
        self.school.gallery_hits.append(304 if is_known else 200)
        self._send_raw(304 if is_known else 200, page.to_json(), etag)

    def _config(self) -> None:
        etag = f'"{self.school.config.version}"'
        is_known = self.headers.get("If-None-Match") == etag
        self.school.config_hits.append(304 if is_known else 200)
        self._send_raw(
            304 if is_known else 200, b"" if is_known else self.school.config.to_json(), etag
        )

    def _credentials(self, document: m.CredentialDocument) -> None:
        etag = f'"{document.version}"'
        status = 304 if self.headers.get("If-None-Match") == etag else 200
        self.school.credential_hits.append(status)
        self._send_raw(status, document.to_json(), etag)

    def _send(self, status: int, body: Any) -> None:
        self._send_raw(status, json.dumps(body).encode())

    def _send_raw(self, status: int, body: bytes, etag: str = "") -> None:
        if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
            body = b""
        self.send_response(status)
        if status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        if etag:
            self.send_header("ETag", etag)
        nonce = self.headers.get(statements.NONCE_HEADER)
        if nonce and self.school.is_signing:
            request, answer = (self.command, self.path), (status, body)
            headers = signed_headers(nonce, request, answer, ahead=self.school.ahead)
            for name, value in headers.items():
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving(
    school: SchoolServer, port: int = 0, *, context: ssl.SSLContext | None = None
) -> Iterator[str]:
    """The school's server on 127.0.0.1; gives its URL, https with a context."""
    server = ThreadingHTTPServer(
        ("127.0.0.1", port), type("Handler", (_Handler,), {"school": school})
    )
    server.daemon_threads = True
    if context is not None:
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        scheme = "http" if context is None else "https"
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
