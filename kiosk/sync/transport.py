"""One HTTP request and its whole answer, within bounds of size and time: the place of requests."""

import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter

from kiosk.domain.links import LinkSecurity
from kiosk.errors import UnprovenAnswerError, UnreachableError
from kiosk.sync.peer import Answer
from kiosk.sync.trust import LinkTrust, link_error, plain_refused

_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to connect, to wait between two bytes of an answer, and for the whole answer."""

    connect_s: float = 5.0
    read_s: float = 30.0
    whole_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Sending:
    """A request.

    Attributes:
        method: upper case.
        url: whole.
        headers: of the request.
        body: of the request, or None.
        limit_bytes: a longer answer is not read.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None
    limit_bytes: int


class _TrustingAdapter(HTTPAdapter):
    """Uses one TLS context for every connection, and no other certificates beside it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """See `HTTPAdapter.init_poolmanager`."""
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """See `HTTPAdapter.proxy_manager_for`; the server's certificate counts there too."""
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def cert_verify(self, conn: Any, *_args: Any, **_kwargs: Any) -> None:
        """Demand a certificate; requests would add its bundle to the context's authorities."""
        conn.cert_reqs = "CERT_REQUIRED"


class HTTPTransport:
    """Sends requests. Safe from any thread; one connection pool per thread.

    Redirects are not followed, so nothing is sent to where they lead. Proxies and passwords of the
    environment are not used. No coding is asked for: a few bytes must not unpack to a full memory.

    Args:
        timeouts: of every call.
        trust: which certificates count; a change is followed with the next request.
        proxy: address of the proxy that everything goes through; empty: none.
    """

    def __init__(self, timeouts: Timeouts, trust: LinkTrust, *, proxy: str = "") -> None:
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._timeouts = timeouts
        self._trust = trust
        self._local = threading.local()

    def send(self, sending: Sending) -> Answer:
        """Send a request and read its answer.

        Raises:
            UnreachableError: no whole answer came in time.
            UntrustedLinkError: the certificate is not accepted, or plain HTTP is not allowed.
            UnprovenAnswerError: the answer is longer than anything that our server sends.
        """
        if self._trust.nominal_of(sending.url) is LinkSecurity.PLAIN_REFUSED:
            raise plain_refused()
        deadline_s = time.monotonic() + self._timeouts.whole_s
        try:
            with self._http().request(
                sending.method,
                sending.url,
                data=sending.body,
                headers={"Accept-Encoding": "identity", **sending.headers},
                timeout=(self._timeouts.connect_s, self._timeouts.read_s),
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = _read(answer, sending.limit_bytes, deadline_s)
                return Answer(answer.status_code, answer.headers, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            untrusted = link_error(exc)
            raise untrusted or UnreachableError(f"no answer: {type(exc).__name__}") from exc

    def _http(self) -> requests.Session:
        http: requests.Session | None = getattr(self._local, "http", None)
        version = self._trust.version
        if http is not None and self._local.version == version:
            return http
        if http is not None:
            http.close()
        http = requests.Session()
        http.trust_env = False
        http.proxies.update(self._proxies)
        http.mount("https://", _TrustingAdapter(self._trust.context()))
        self._local.http, self._local.version = http, version
        return http


def _read(answer: requests.Response, limit_bytes: int, deadline_s: float) -> bytes:
    """Return the body; what trickles in is taken as it comes, so that the deadline holds."""
    body = bytearray()
    while chunk := answer.raw.read1(_CHUNK_BYTES, decode_content=False):
        body += chunk
        if len(body) > limit_bytes:
            words = "something between this kiosk and the server sends more than a server does"
            raise UnprovenAnswerError(words)
        if time.monotonic() > deadline_s:
            raise UnreachableError("no answer: it did not end in time")
    return bytes(body)
