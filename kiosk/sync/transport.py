"""One HTTP request and its whole answer, within bounds of size and time: the place of requests."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests
import urllib3

from kiosk.errors import UnprovenAnswerError, UnreachableError
from kiosk.sync.peer import Answer

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


class HTTPTransport:
    """Sends requests. Safe from any thread; one connection pool per thread.

    Redirects are not followed, so nothing is sent to where they lead. Proxies and passwords of the
    environment are not used. No coding is asked for: a few bytes must not unpack to a full memory.

    Args:
        timeouts: of every call.
        ca_path: file of the certificate authority, where it is not a public one.
        proxy: address of the proxy that everything goes through; empty: none.
    """

    def __init__(self, timeouts: Timeouts, ca_path: str | None, *, proxy: str = "") -> None:
        self._proxies = {"http": proxy, "https": proxy} if proxy else {}
        self._timeouts = timeouts
        self._verify: str | bool = ca_path or True
        self._local = threading.local()

    def send(self, sending: Sending) -> Answer:
        """Send a request and read its answer.

        Raises:
            UnreachableError: no whole answer came in time.
            UnprovenAnswerError: the answer is longer than anything that our server sends.
        """
        deadline_s = time.monotonic() + self._timeouts.whole_s
        try:
            with self._http().request(
                sending.method,
                sending.url,
                data=sending.body,
                headers={"Accept-Encoding": "identity", **sending.headers},
                timeout=(self._timeouts.connect_s, self._timeouts.read_s),
                verify=self._verify,
                allow_redirects=False,
                stream=True,
            ) as answer:
                body = _read(answer, sending.limit_bytes, deadline_s)
                return Answer(answer.status_code, answer.headers, body)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            raise UnreachableError(f"no answer: {type(exc).__name__}") from exc

    def _http(self) -> requests.Session:
        http: requests.Session | None = getattr(self._local, "http", None)
        if http is None:
            http = requests.Session()
            http.trust_env = False
            http.proxies.update(self._proxies)
            self._local.http = http
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
