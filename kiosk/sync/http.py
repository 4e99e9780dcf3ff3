"""The server's device API over HTTP: the only place that knows requests."""

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Protocol

import requests

from kiosk.domain.download import CachedConfig
from kiosk.domain.health import LinkHealth
from kiosk.errors import AnswerError, ClaimRefusedError, RefusedError, UnreachableError
from protocol.v1.errors import ProtocolError
from protocol.v1.fields import MessageT
from protocol.v1.messages import (
    MAX_DOCUMENT_BYTES,
    Ack,
    ClaimRequest,
    ClaimResponse,
    ConfigDocument,
    Erasure,
    EventBatch,
    GalleryPage,
    Message,
    ScanTemplateBatch,
    ScanTemplateReceipt,
    parse_message,
)

logger = logging.getLogger(__name__)

TIME_HEADER = "X-Rollcall-Time"
"""Server time in ISO 8601 with milliseconds; `Date` has whole seconds only."""
_DATE_HALF_S = 0.5
_RETRYABLE_STATUS = frozenset({408, 425, 429})


class ServerTimeListener(Protocol):
    """Who compares clocks: `kiosk.sync.clock.SystemClock`."""

    def compare(self, server_time: datetime, *, sent_at_s: float, received_at_s: float) -> None:
        """Take in the server's time from an answer."""
        ...

    def monotonic_s(self) -> float:
        """Seconds that only ever grow."""
        ...


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect and to wait between two bytes of an answer."""

    connect_s: float = 5.0
    read_s: float = 30.0


class ServerClient:
    """Calls the device API. Safe from any thread; one connection pool per thread.

    Args:
        server_url: scheme, host and port, for example ``https://rollcall.school.example``.
        clock: hears the server's time from every answer.
        timeouts: of every call.
        ca_path: file of the certificate authority, where it is not a public one.
    """

    def __init__(
        self,
        server_url: str,
        clock: ServerTimeListener,
        timeouts: Timeouts | None = None,
        ca_path: str | None = None,
    ) -> None:
        self._base = server_url.rstrip("/") + "/api/v1"
        self._clock = clock
        self._timeouts = timeouts or Timeouts()
        self._verify: str | bool = ca_path or True
        self._local = threading.local()
        self._token = ""
        self.health = LinkHealth.DOWN

    def use_token(self, device_token: str) -> None:
        """From now on calls carry this device token."""
        self._token = device_token

    def claim(self, request: ClaimRequest) -> ClaimResponse:
        """Bind this kiosk's keys to its place.

        Raises:
            ClaimRefusedError: the code is wrong, used up or expired.
            UnreachableError: no answer, or one that says to try later.
            RefusedError, AnswerError: something else is wrong.
        """
        try:
            answer = self._call("POST", "/devices/claim", request)
        except RefusedError as exc:
            raise ClaimRefusedError(exc.status, exc.code) from exc
        return _parsed(ClaimResponse, answer)

    def config(self, etag: str) -> CachedConfig | None:
        """The configuration, or None when it is still the one with this ETag.

        Raises:
            SyncError: see `claim`.
        """
        headers = {"If-None-Match": etag} if etag else {}
        answer = self._call("GET", "/sync/config", headers=headers)
        if answer.status_code == requests.codes.not_modified:
            return None
        document = _parsed(ConfigDocument, answer)
        return CachedConfig(document, answer.headers.get("ETag", ""))

    def gallery_page(self, since: int, limit: int) -> GalleryPage:
        """The changes after one change, at most ``limit`` of them.

        Raises:
            SyncError: see `claim`.
        """
        path = f"/sync/gallery?since={since}&limit={limit}"
        return _parsed(GalleryPage, self._call("GET", path))

    def send_events(self, batch: EventBatch) -> Ack:
        """Deliver events and get the server's word on them.

        Raises:
            SyncError: see `claim`.
        """
        return _parsed(Ack, self._call("POST", "/sync/events", batch))

    def send_erasure(self, erasure: Erasure) -> None:
        """Confirm that a person's data is gone from here.

        Raises:
            SyncError: see `claim`.
        """
        self._call("POST", "/sync/erasures", erasure)

    def send_scans(self, batch: ScanTemplateBatch) -> ScanTemplateReceipt:
        """Hand over templates of the next network and hear which of them the server has judged.

        Raises:
            SyncError: see `claim`.
        """
        return _parsed(ScanTemplateReceipt, self._call("POST", "/kiosk/scan-templates", batch))

    def _call(
        self,
        method: str,
        path: str,
        body: Message | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> requests.Response:
        sent_at_s = self._clock.monotonic_s()
        try:
            answer = self._http().request(
                method,
                self._base + path,
                data=None if body is None else body.to_json(),
                headers={**self._headers(), **(headers or {})},
                timeout=(self._timeouts.connect_s, self._timeouts.read_s),
                verify=self._verify,
                allow_redirects=False,
            )
        except requests.RequestException as exc:
            self._note(LinkHealth.DOWN, type(exc).__name__)
            raise UnreachableError(f"no answer: {type(exc).__name__}") from exc
        self._compare_clocks(answer, sent_at_s)
        self._note(_health(answer.status_code), f"status {answer.status_code}")
        _refuse(answer)
        return answer

    def _note(self, health: LinkHealth, detail: str) -> None:
        """Remember how the server is; say so when that changes."""
        before, self.health = self.health, health
        if health is before:
            return
        if health is LinkHealth.UP:
            logger.info("The server answers")
        else:
            logger.warning("The server is %s: %s", health.value, detail)

    def _headers(self) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "X-Requested-With": "rollcall"}
        if self._token:
            headers["Authorization"] = f"Device {self._token}"
        return headers

    def _http(self) -> requests.Session:
        http: requests.Session | None = getattr(self._local, "http", None)
        if http is None:
            http = requests.Session()
            http.trust_env = False
            self._local.http = http
        return http

    def _compare_clocks(self, answer: requests.Response, sent_at_s: float) -> None:
        server_time = _server_time(answer.headers)
        if server_time is not None:
            received_at_s = self._clock.monotonic_s()
            self._clock.compare(server_time, sent_at_s=sent_at_s, received_at_s=received_at_s)


def _server_time(headers: Mapping[str, str]) -> datetime | None:
    exact = headers.get(TIME_HEADER, "")
    try:
        if exact:
            return datetime.fromisoformat(exact).astimezone(UTC)
        whole_seconds = parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    middle = whole_seconds.timestamp() + _DATE_HALF_S
    return datetime.fromtimestamp(middle, tz=UTC)


def _health(status: int) -> LinkHealth:
    if status in (requests.codes.unauthorized, requests.codes.forbidden):
        return LinkHealth.REFUSED
    return LinkHealth.UP if status < requests.codes.internal_server_error else LinkHealth.DOWN


def _refuse(answer: requests.Response) -> None:
    """Raise what a status other than success means."""
    status = answer.status_code
    if status < requests.codes.bad_request and status not in (301, 302, 303, 307, 308):
        return
    if status >= requests.codes.internal_server_error or status in _RETRYABLE_STATUS:
        raise UnreachableError(f"the server cannot answer now (status {status})")
    raise RefusedError(status, _code(answer))


def _code(answer: requests.Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("error", body)
    code = error.get("code", "") if isinstance(error, dict) else ""
    return str(code)[:64]


def _parsed(kind: type[MessageT], answer: requests.Response) -> MessageT:
    try:
        return parse_message(kind, answer.content, limit_bytes=MAX_DOCUMENT_BYTES)
    except ProtocolError as exc:
        raise AnswerError(str(exc)) from exc
