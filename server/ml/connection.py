"""HTTP to the recognition service: pooled, with deadlines, and bounded answers."""

import json
import math
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from server.ml.problems import (
    BusyError,
    NoAnswerError,
    NotTrustedError,
    RedirectError,
    TransientError,
)

CONNECT_TIMEOUT_S = 5.0
HEALTH_TIMEOUT_S = 3.0
MAX_ANSWER_BYTES = 1_000_000
#: Where a busy service does not say how long to wait, and the longest wait that is believed.
DEFAULT_RETRY_AFTER_S = 5.0
MAX_RETRY_AFTER_S = 600.0
_CHUNK_BYTES = 16_384
_BROKEN = (urllib3.exceptions.HTTPError, OSError)
_BUSY = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
_BUSY_CODES = {"OVERLOADED", "RATE_LIMITED", "NOT_READY"}
Answer = tuple[int, bytes]


@dataclass(frozen=True)
class ServiceTLS:
    """How a service over HTTPS is recognised, and how it recognises the server.

    Attributes:
        authorities: PEM file of those that sign its certificate; None: the public ones.
        certificate: PEM file with the server's certificate; None: it shows none.
        key: PEM file with its key; None: in the same file.
    """

    authorities: str | None = None
    certificate: str | None = None
    key: str | None = None

    @property
    def client(self) -> tuple[str, str] | None:
        """Certificate and key, as `requests` takes them."""
        return (self.certificate, self.key or self.certificate) if self.certificate else None


class MLConnection:
    """Requests to one service, with one key. Safe to share between threads.

    Args:
        url: base address, without a trailing slash.
        api_key: sent as X-API-Key; None sends none.
        connections: size of the pool.
        monotonic: seconds that never go back.
        tls: which authorities to trust over HTTPS, and what to show.
        proxy: address of the proxy that all requests go through; empty: none.
    """

    def __init__(
        self,
        url: str,
        api_key: str | None,
        *,
        connections: int,
        monotonic: Callable[[], float] = time.monotonic,
        tls: ServiceTLS | None = None,
        proxy: str = "",
    ) -> None:
        self._url = url
        self._monotonic = monotonic
        self._http = requests.Session()
        # Nothing of the environment's proxies or ~/.netrc: the key goes to this service alone.
        self._http.trust_env = False
        if proxy:
            self._http.proxies.update({"http": proxy, "https": proxy})
        self._http.mount(url, HTTPAdapter(pool_connections=1, pool_maxsize=connections))
        if tls is not None:
            # The files are read for each new connection, so renewed ones need no restart.
            self._http.verify = tls.authorities or True
            self._http.cert = tls.client
        if api_key is not None:
            self._http.headers["X-API-Key"] = api_key

    def health(self) -> Answer:
        """Ask `/health`.

        Raises:
            TransientError: no complete answer within 3 s.
        """
        return self.get("/health")

    def get(self, path: str) -> Answer:
        """Ask what is answered at once.

        Args:
            path: from the base address on.

        Raises:
            TransientError: no complete answer within 3 s.
        """
        deadline_s = self._monotonic() + HEALTH_TIMEOUT_S
        try:
            with self._http.get(
                f"{self._url}{path}",
                timeout=HEALTH_TIMEOUT_S,
                allow_redirects=False,
                stream=True,
            ) as response:
                self._refuse_https_elsewhere(response)
                return response.status_code, self._read(response, deadline_s)
        except (requests.RequestException, *_BROKEN) as exc:
            raise _failure(exc) from exc

    def post(self, path: str, body: object, correlation_id: str, *, timeout_s: float) -> Answer:
        """Send JSON.

        Args:
            path: from the base address on.
            body: what travels as JSON.
            correlation_id: joins the log lines of both processes.
            timeout_s: from sending to the last byte of the answer.

        Raises:
            BusyError: the service asks to come back later.
            TransientError: no complete answer in time.
        """
        deadline_s = self._monotonic() + timeout_s
        try:
            with self._http.post(
                f"{self._url}{path}",
                json=body,
                headers={"X-Correlation-ID": correlation_id},
                timeout=(min(CONNECT_TIMEOUT_S, timeout_s), timeout_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                self._refuse_https_elsewhere(response)
                content = self._read(response, deadline_s)
        except (requests.RequestException, *_BROKEN) as exc:
            raise _failure(exc) from exc
        _raise_if_busy(response.status_code, response.headers.get("Retry-After"), content)
        return response.status_code, content

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _refuse_https_elsewhere(self, response: requests.Response) -> None:
        """Name the redirect that a service behind TLS answers with; none is followed."""
        try:
            here, there = urlsplit(self._url), urlsplit(response.headers.get("Location", ""))
            is_same = here.hostname == there.hostname
        except ValueError:
            return
        if response.is_redirect and is_same and (here.scheme, there.scheme) == ("http", "https"):
            raise RedirectError("redirected to https")

    def _read(self, response: requests.Response, deadline_s: float) -> bytes:
        content = bytearray()
        # read1 returns what has come; a plain read would wait for a full chunk, however slowly
        # it drips, and never look at the deadline.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise TransientError("answer too long")
            if self._monotonic() > deadline_s:
                raise NoAnswerError("answer too slow")
        return bytes(content)


def _failure(error: Exception) -> TransientError:
    is_tls = isinstance(error, requests.exceptions.SSLError | ssl.SSLError)
    name = type(error).__name__
    return NotTrustedError(name) if is_tls else NoAnswerError(name)


def parse_retry_after(value: str, at: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks to wait, 0 to 600; None: unreadable.

    Source: RFC 9110, 10.2.3: seconds, or a date.
    """
    try:
        wait_s = float(value) if value.strip().isdigit() else _seconds_until(value, at)
    except (ValueError, OverflowError):
        return None
    return min(max(wait_s, 0.0), MAX_RETRY_AFTER_S) if math.isfinite(wait_s) else None


def _seconds_until(date: str, at: datetime) -> float:
    moment = parsedate_to_datetime(date)
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (aware - at).total_seconds()


def _raise_if_busy(status: int, retry_after: str | None, content: bytes) -> None:
    if status not in _BUSY:
        return
    wait_s = parse_retry_after(retry_after, datetime.now(UTC)) if retry_after else None
    if wait_s is None and _error_code(content) in _BUSY_CODES:
        wait_s = DEFAULT_RETRY_AFTER_S
    if wait_s is not None:
        raise BusyError(wait_s)


def _error_code(content: bytes) -> str | None:
    try:
        body = json.loads(content)
    except ValueError:
        return None
    code = body.get("error_code") if isinstance(body, dict) else None
    return code if isinstance(code, str) else None
