"""The server's device API over HTTP; an answer counts only with the server's signature."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from kiosk.domain.download import CachedConfig, CachedCredentials
from kiosk.domain.health import LinkHealth
from kiosk.domain.links import LinkSecurity
from kiosk.errors import (
    AnswerError,
    ClaimRefusedError,
    PacedError,
    RefusedError,
    RevokedError,
    SyncError,
    UnprovenAnswerError,
    UnreachableError,
    UntrustedLinkError,
)
from kiosk.sync.cut import LinkCut
from kiosk.sync.peer import Answer, Peer, Question, foreign, question, server_time
from kiosk.sync.transport import HTTPTransport, Sending, Timeouts
from kiosk.sync.trust import LinkTrust
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import MAX_DOCUMENT_BYTES, MAX_MESSAGE_BYTES, MessageT
from protocol.v1.messages import (
    TOO_MANY_EVENTS,
    Ack,
    ClaimRequest,
    ClaimResponse,
    CommissionDrill,
    CommissionReport,
    ConfigDocument,
    CredentialDocument,
    Erasure,
    EventBatch,
    GalleryPage,
    Message,
    ScanTemplateBatch,
    ScanTemplateReceipt,
    TooManyEvents,
    parse_message,
)
from protocol.v1.statements import NONCE_HEADER

__all__ = ["ServerClient", "ServerTimeListener", "Timeouts"]

logger = logging.getLogger(__name__)

_API = "/api/v1"
_RETRYABLE = frozenset(
    {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
)
_REVOKED = "revoked"
_UNKNOWN_CODES = frozenset({"unknown_device", _REVOKED})
_SAID = {
    LinkHealth.DOWN: "server cannot be reached",
    LinkHealth.REFUSED: "server refuses this kiosk",
    LinkHealth.FOREIGN: "answers do not come from the server",
    LinkHealth.REDIRECTED: "server redirects to https; set server_url to its https address",
    LinkHealth.OTHER_SERVER: "answers do not come from this kiosk's server",
    LinkHealth.UNKNOWN_KIOSK: "server does not know this kiosk, everything is kept;"
    " restore the server's data, or give the kiosk a new claim code",
}


class ServerTimeListener(Protocol):
    """Compares clocks: `kiosk.sync.clock.SystemClock`."""

    def compare(self, server_time: datetime, *, sent_at_s: float, received_at_s: float) -> None:
        """Take in the server's time from a signed answer."""
        ...

    def uptime_s(self) -> float:
        """Return seconds on a clock that nobody steps."""
        ...


@dataclass(frozen=True, slots=True)
class _Received:
    """An answer, what it answers, and when both passed by (uptime, seconds)."""

    asked: Question
    answer: Answer
    sent_s: float
    received_s: float


@dataclass(frozen=True, slots=True)
class _NothingNew:
    """A gallery page without entries, to be told that it is still the same."""

    path: str
    etag: str
    page: GalleryPage


class ServerClient:
    """Calls the device API. Safe from any thread.

    Whatever this kiosk's server did not sign for the very request is no answer: nothing is
    learned from it, nothing counts as delivered and nothing is deleted because of it.

    Args:
        server_url: scheme, host and port, for example ``https://rollcall.school.example``.
        clock: hears the server's time from every signed answer.
        timeouts: of every call.
        trust: which certificates count, and whether the server may be without TLS.
        proxy: address of the proxy that all calls go through; empty: none.

    Attributes:
        health: how the last call went.
        security: how the connection is protected, or why it is not used.
        answered_s: when the server last answered, by the clock's uptime; None: not yet.
        trust: see above.
        cut: while it is on, every call ends as if the server could not be reached.
    """

    def __init__(
        self,
        server_url: str,
        clock: ServerTimeListener,
        timeouts: Timeouts | None = None,
        trust: LinkTrust | None = None,
        *,
        proxy: str = "",
    ) -> None:
        self.trust = trust or LinkTrust()
        self.cut = LinkCut()
        self._clock = clock
        self._transport = HTTPTransport(timeouts or Timeouts(), self.trust, proxy=proxy)
        self._token = ""
        self._peer: Peer | None = None
        self._nothing_new: _NothingNew | None = None
        self._last_security: LinkSecurity | None = None
        self.health = LinkHealth.DOWN
        self.answered_s: float | None = None
        self.use_address(server_url)

    @property
    def address(self) -> str:
        """Where the server is: scheme, host and port."""
        return self._root

    def use_address(self, server_url: str) -> None:
        """Call this server from now on; a claim in use still names whose answers count."""
        self._root = server_url.rstrip("/")
        self.security = self.trust.nominal_of(self._root)

    def use_claim(self, claim: ClaimResponse) -> None:
        """From now on calls carry this claim's token, and only its server's answers count.

        Raises:
            ProtocolError: the server's key is none.
        """
        self._peer = Peer.of(claim)
        self._nothing_new = None
        self._token = claim.device_token
        self.trust.is_proven = True

    def claim(self, request: ClaimRequest) -> ClaimResponse:
        """Bind this kiosk's keys to its place. The key in the answer is trusted on first use.

        A claim in use is replaced by its own server alone: any other answer means nothing. Its
        token does not go along, as the address may come from a QR code of anybody.

        Raises:
            ClaimRefusedError: the code is wrong, used up or expired.
            UnreachableError: no answer, or one that says to try later.
            AnswerError: an invalid answer, or not a Rollcall server's.
        """
        received = self._send("POST", "/devices/claim", request, token="")
        answer = received.answer
        if self._peer is not None:
            self._learn(received, self._peer)
        if not answer.is_success:
            raise self._claim_failure(answer)
        try:
            claim = parse_message(ClaimResponse, answer.body)
            peer = Peer.of(claim)
        except ProtocolError as exc:
            raise self._failed(foreign(answer)) from exc
        if self._peer is None:
            self._learn(received, peer)
        self._note(LinkHealth.UP, "")
        return claim

    def config(self, etag: str) -> CachedConfig | None:
        """The configuration, or None when it is still the one with this ETag.

        Raises:
            SyncError: see `_call`.
        """
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._call("GET", "/sync/config", headers=headers)
        if answer.status == HTTPStatus.NOT_MODIFIED:
            return None
        document = _parsed(ConfigDocument, answer)
        return CachedConfig(document, answer.headers.get("ETag", ""))

    def credentials(self, etag: str) -> CachedCredentials | None:
        """The credentials, or None when they are still those with this ETag.

        Raises:
            SyncError: see `_call`.
        """
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._call("GET", "/sync/credentials", headers=headers)
        if answer.status == HTTPStatus.NOT_MODIFIED:
            return None
        document = _parsed(CredentialDocument, answer)
        return CachedCredentials(document, answer.headers.get("ETag", ""))

    def gallery_page(self, since: int, limit: int) -> GalleryPage:
        """The changes after one change, at most ``limit`` of them.

        Raises:
            SyncError: see `_call`.
        """
        path = f"/sync/gallery?since={since}&limit={limit}"
        kept = self._nothing_new
        headers = {"If-None-Match": kept.etag} if kept and kept.path == path else {}
        answer = self._call("GET", path, headers=headers)
        if kept and answer.status == HTTPStatus.NOT_MODIFIED:
            return kept.page
        page = _parsed(GalleryPage, answer)
        etag = answer.headers.get("ETag", "")
        is_empty = not (page.upserts or page.tombstones)
        self._nothing_new = _NothingNew(path, etag, page) if etag and is_empty else None
        return page

    def send_events(self, batch: EventBatch) -> Ack:
        """Deliver events and get the server's signed word on them.

        Raises:
            SyncError: see `_call`; AnswerError also for an ack that is not for this batch, and
                PacedError where the server takes the batch later.
        """
        return self._acknowledged("/sync/events", batch)

    def send_earlier_events(self, batch: EventBatch) -> Ack:
        """Deliver events of an earlier identity, or signed by a key that was lost.

        Raises:
            SyncError: see `send_events`.
        """
        return self._acknowledged("/sync/earlier-events", batch)

    def send_erasure(self, erasure: Erasure) -> None:
        """Confirm that a person's data is gone from here; returns once the server has it.

        Raises:
            SyncError: see `_call`.
        """
        self._call("POST", "/sync/erasures", erasure)

    def send_scans(self, batch: ScanTemplateBatch) -> ScanTemplateReceipt:
        """Hand over templates of the next network and hear which of them the server has judged.

        Raises:
            SyncError: see `_call`.
        """
        return _parsed(ScanTemplateReceipt, self._call("POST", "/kiosk/scan-templates", batch))

    def send_commissioning(self, report: CommissionReport) -> None:
        """Deliver the report of an acceptance test; returns once the server has it.

        Raises:
            SyncError: see `_call`; a RefusedError with status 404 comes from an older server.
        """
        self._call("POST", "/kiosk/commissioning", report)

    def send_drill(self, drill: CommissionDrill) -> None:
        """Deliver what the offline drill made while the links were cut.

        Raises:
            SyncError: see `send_commissioning`.
        """
        self._call("POST", "/kiosk/commissioning/drills", drill)

    def _acknowledged(self, path: str, batch: EventBatch) -> Ack:
        """Return the ack for a batch. The signature of the answer proves it."""
        ack = _parsed(Ack, self._call("POST", path, batch))
        if ack.kiosk_id != batch.kiosk_id:
            raise AnswerError("the ack is for another kiosk")
        return ack

    def _call(
        self,
        method: str,
        path: str,
        body: Message | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Return a signed answer that is a success, or "not modified" to a request with an ETag.

        Raises:
            UnreachableError: no answer, or one that says to try later.
            UnprovenAnswerError: it was not this kiosk's server that answered.
            RevokedError: the server signed that this claim has ended.
            RefusedError: the server says no.
            AnswerError: an answer of the server that does not follow the protocol.
        """
        received = self._send(method, path, body, headers, token=self._token)
        answer = received.answer
        self._learn(received, self._peer)
        self._note(_health(answer), f"status {answer.status}")
        is_cached = answer.status == HTTPStatus.NOT_MODIFIED and bool(headers)
        if not answer.is_success and not is_cached:
            raise self._refusal(answer)
        return answer

    def _send(
        self,
        method: str,
        path: str,
        body: Message | None,
        headers: Mapping[str, str] | None = None,
        *,
        token: str,
    ) -> _Received:
        asked = question(method, _API + path)
        limit_bytes = MAX_DOCUMENT_BYTES if method == "GET" else MAX_MESSAGE_BYTES
        all_headers = {**_headers(token), NONCE_HEADER: asked.nonce, **(headers or {})}
        data = None if body is None else body.to_json()
        sending = Sending(method, self._root + asked.target, all_headers, data, limit_bytes)
        sent_s = self._clock.uptime_s()
        try:
            if self.cut.is_on:
                raise UnreachableError("the links are cut for the offline drill")
            answer = self._transport.send(sending)
        except SyncError as exc:
            self._note_security(self._security_after(exc), str(exc))
            raise self._failed(exc) from exc.__cause__
        self._note_security(self.trust.nominal_of(self._root), "")
        return _Received(asked, answer, sent_s, self._clock.uptime_s())

    def _learn(self, received: _Received, peer: Peer | None) -> None:
        """Check the signature, and take in the time that it covers."""
        try:
            time = server_time(received.asked, received.answer, peer.key if peer else None)
        except UnprovenAnswerError as exc:
            raise self._failed(exc) from exc.__cause__
        self._clock.compare(time, sent_at_s=received.sent_s, received_at_s=received.received_s)

    def _refusal(self, answer: Answer) -> SyncError:
        """Return what a signed status other than success means."""
        if answer.code == TOO_MANY_EVENTS and (paced := _paced(answer)) is not None:
            return paced
        if _is_temporary(answer.status):
            return _try_later(answer.status)
        is_revoked = answer.status == HTTPStatus.UNAUTHORIZED and answer.code == _REVOKED
        if is_revoked and self._peer is not None and self._peer.ends_claim(answer):
            return RevokedError(answer.status, answer.code)
        return RefusedError(answer.status, answer.code)

    def _claim_failure(self, answer: Answer) -> SyncError:
        """Return why a claim failed. The key is not known yet: the format alone can be checked."""
        if not (answer.has_signature and answer.code):
            return self._failed(foreign(answer))
        if _is_temporary(answer.status):
            return self._failed(_try_later(answer.status))
        return ClaimRefusedError(answer.status, answer.code)

    def _failed(self, error: SyncError) -> SyncError:
        """Remember what kind of fault it is, and return it."""
        health = LinkHealth.DOWN
        if isinstance(error, UnprovenAnswerError):
            health = LinkHealth.OTHER_SERVER if error.is_server else LinkHealth.FOREIGN
            if is_move_to_https(self._root, error.moved_to):
                health = LinkHealth.REDIRECTED
        self._note(health, str(error))
        return error

    def _security_after(self, error: SyncError) -> LinkSecurity:
        if isinstance(error, UntrustedLinkError):
            return LinkSecurity(error.fault)
        return self.trust.nominal_of(self._root)

    def _note_security(self, security: LinkSecurity, detail: str) -> None:
        """Remember how the connection is protected; log a fault once when it starts."""
        self.security, before = security, self._last_security
        self._last_security = security
        if security.is_fault and security is not before:
            logger.warning("server connection not used: %s", detail)

    def _note(self, health: LinkHealth, detail: str) -> None:
        """Remember how the server is; say so when that changes."""
        if health is LinkHealth.UP:
            self.answered_s = self._clock.uptime_s()
        before, self.health = self.health, health
        if health is before:
            return
        if health is LinkHealth.UP:
            logger.info("server connected")
        else:
            logger.warning("%s: %s", _SAID[health], detail)


def _headers(token: str) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "X-Requested-With": "rollcall"}
    if token:
        headers["Authorization"] = f"Device {token}"
    return headers


def is_move_to_https(asked: str, moved_to: str) -> bool:
    """Say whether a redirect leads from http to https on the same host.

    Args:
        asked: address that was asked.
        moved_to: where the answer leads, which anybody may have sent.
    """
    try:
        here, there = urlsplit(asked), urlsplit(moved_to)
        is_same = here.hostname == there.hostname
    except ValueError:
        return False
    return is_same and (here.scheme, there.scheme) == ("http", "https")


def _health(answer: Answer) -> LinkHealth:
    if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        is_unknown = answer.code in _UNKNOWN_CODES
        return LinkHealth.UNKNOWN_KIOSK if is_unknown else LinkHealth.REFUSED
    is_up = answer.status < HTTPStatus.INTERNAL_SERVER_ERROR
    return LinkHealth.UP if is_up else LinkHealth.DOWN


def _is_temporary(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _RETRYABLE


def _try_later(status: int) -> UnreachableError:
    return UnreachableError(f"the server cannot answer now (status {status})")


def _paced(answer: Answer) -> PacedError | None:
    """Return what a signed 429 asks for; None: a form that this version does not know."""
    try:
        asked = TooManyEvents.model_validate(answer.document["error"].get("details"))
    except (KeyError, AttributeError, ValueError):
        return None
    return PacedError(asked.retry_after_s)


def _parsed(kind: type[MessageT], answer: Answer) -> MessageT:
    try:
        return parse_message(kind, answer.body, limit_bytes=MAX_DOCUMENT_BYTES)
    except ProtocolError as exc:
        raise AnswerError(str(exc)) from exc
