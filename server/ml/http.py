"""The HTTP adapter of the encoder port: one pooled lesson, deadlines, retries, a breaker."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import TypeVar

import requests
import urllib3
from requests.adapters import HTTPAdapter
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from server.config import Settings
from server.ml import questions
from server.ml.answers import (
    RefusedKeyError,
    TransientError,
    is_offered,
    models_in,
    understand_faces,
    understand_findings,
    understand_plan,
    understand_quality,
    understand_school,
)
from server.ml.breaker import CircuitBreaker
from server.ml.encoder import (
    EncoderUnavailableError,
    EncodingOutcome,
    GalleryFindings,
    GalleryQuestion,
    ServiceStatus,
)
from server.ml.quality import FrameQuality
from server.ml.school import SchoolOperatingPoint, SchoolQuestion

T = TypeVar("T")

_logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
HEALTH_TIMEOUT_S = 3.0
#: For a hint to somebody who stands before a camera; a later one is of no use.
#: The whole school is compared: so many times as long as for a photo.
SCHOOL_TIMEOUTS = 4
QUALITY_TIMEOUT_S = 2.0
MAX_ANSWER_BYTES = 1_000_000
_CHUNK_BYTES = 16_384
#: Pictures of cameras that are judged at the same time.
GUIDED_AT_ONCE = 2
_BROKEN = (urllib3.exceptions.HTTPError, OSError)
_FACES = "/api/v1/faces"
_QUALITY = "/api/v1/quality"
_PLAN = "/api/ml/encode-face"
_CHECK = "/api/v1/gallery/check"
_OPERATING_POINT = "/api/v1/gallery/operating-point"


@dataclass(frozen=True)
class EncoderOptions:
    """How the adapter behaves.

    Attributes:
        url: base address of the service, without a trailing slash.
        api_key: sent as X-API-Key; None sends none, and the service will refuse.
        timeout_s: deadline of one attempt, from sending to the last byte.
        max_retries: further attempts, after 1, 2, 4 ... seconds.
        min_face_area_ratio: smallest face accepted, 0 to 1.
        connections: size of the connection pool.
    """

    url: str
    api_key: str | None
    timeout_s: float = 30.0
    max_retries: int = 3
    min_face_area_ratio: float = 0.02
    connections: int = 4


class HTTPFaceEncoder:
    """Talks to the service. See `server.ml.encoder.FaceEncoder`.

    It asks the native endpoints, which judge quality and know several models; a service that has
    only the plan's `encode-face` is asked that.
    """

    def __init__(
        self,
        options: EncoderOptions,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] | None = None,
    ) -> None:
        self._options = options
        self._monotonic = monotonic
        self._closing = threading.Event()
        self._pause = pause or self._wait
        self._breaker = CircuitBreaker(monotonic)
        self._status: ServiceStatus = "unknown"
        self._models: tuple[str, ...] = ()
        self._http = requests.Session()
        # Nothing of the environment's proxies or ~/.netrc: the key goes to this service alone.
        self._http.trust_env = False
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=options.connections)
        self._http.mount(options.url, adapter)
        if options.api_key is not None:
            self._http.headers["X-API-Key"] = options.api_key

    def encode(self, photo: bytes, *, correlation_id: str) -> EncodingOutcome:
        """See the port."""
        return self._persist(partial(self._ask_faces, photo, correlation_id))

    def check_gallery(
        self, question: GalleryQuestion, *, correlation_id: str
    ) -> GalleryFindings | None:
        """See the port."""
        found = GalleryFindings({})
        for body in questions.of_gallery(question):
            part = self._persist(partial(self._ask_check, body, correlation_id))
            if part is None:
                return None
            found = GalleryFindings(
                part.set_aside,
                found.duplicates + part.duplicates,
                found.look_alikes + part.look_alikes,
            )
        return found

    def operating_point(
        self, question: SchoolQuestion, *, correlation_id: str
    ) -> SchoolOperatingPoint | None:
        """See the port."""
        timeout_s = SCHOOL_TIMEOUTS * self._options.timeout_s
        body = questions.of_school(question)
        with _unavailable():
            answer = self._post_once(_OPERATING_POINT, body, correlation_id, timeout_s)
            return understand_school(*answer)

    def quality(self, photo: bytes, *, correlation_id: str) -> FrameQuality | None:
        """See the port."""
        timeout_s = min(QUALITY_TIMEOUT_S, self._options.timeout_s)
        body = questions.of_photo(photo)
        smallest = self._options.min_face_area_ratio
        with _unavailable():
            answer = self._post_once(_QUALITY, body, correlation_id, timeout_s)
            return understand_quality(*answer, min_area_ratio=smallest)

    def models(self) -> tuple[str, ...]:
        """See the port."""
        return self._models

    def check(self) -> ServiceStatus:
        """See the port."""
        try:
            with self._http.get(
                f"{self._options.url}/health", timeout=HEALTH_TIMEOUT_S, stream=True
            ) as response:
                is_well = response.status_code == HTTPStatus.OK
                content = self._read(response, self._monotonic() + HEALTH_TIMEOUT_S)
        except (requests.RequestException, *_BROKEN, TransientError):
            is_well = False
        self._note("up" if is_well else "down")
        if is_well:
            self._models = models_in(content)
            self._breaker.hint_recovered()
        return self._status

    def status(self) -> ServiceStatus:
        """See the port."""
        return self._status

    def is_closed_off(self) -> bool:
        """See the port."""
        return self._breaker.is_open

    def close(self) -> None:
        """See the port."""
        self._closing.set()
        self._http.close()

    def _persist(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer, or the attempts are used up."""
        retrying = Retrying(
            stop=stop_after_attempt(1 + self._options.max_retries),
            wait=wait_exponential(multiplier=1, min=1),
            retry=retry_if_exception_type(TransientError),
            sleep=self._pause,
            reraise=True,
        )
        try:
            outcome: T = retrying(self._attempt, ask)
        except (TransientError, RefusedKeyError) as exc:
            raise EncoderUnavailableError from exc
        return outcome

    def _attempt(self, ask: Callable[[], T]) -> T:
        if self._closing.is_set() or not self._breaker.try_acquire():
            raise EncoderUnavailableError
        try:
            outcome = ask()
        except (TransientError, RefusedKeyError) as exc:
            self._on_failure(exc)
            raise
        except BaseException:
            self._breaker.fail()
            raise
        self._breaker.succeed()
        self._note("up")
        return outcome

    def _ask_faces(self, photo: bytes, correlation_id: str) -> EncodingOutcome:
        smallest = self._options.min_face_area_ratio
        body = questions.of_photo(photo, single=True)
        status, content = self._post(_FACES, body, correlation_id)
        if is_offered(status):
            return understand_faces(status, content, min_area_ratio=smallest)
        plan = questions.of_photo(
            photo, validate_single=True, min_face_area_ratio=smallest, num_jitters=1
        )
        return understand_plan(*self._post(_PLAN, plan, correlation_id))

    def _ask_check(self, body: dict[str, object], correlation_id: str) -> GalleryFindings | None:
        return understand_findings(*self._post(_CHECK, body, correlation_id))

    def _post_once(
        self, path: str, body: object, correlation_id: str, timeout_s: float
    ) -> tuple[int, bytes]:
        """Ask what no photo waits for: no retry, and the breaker hears nothing of a failure."""
        if self._closing.is_set() or self._breaker.is_open:
            raise EncoderUnavailableError
        return self._post(path, body, correlation_id, timeout_s=timeout_s)

    def _post(
        self, path: str, body: object, correlation_id: str, *, timeout_s: float | None = None
    ) -> tuple[int, bytes]:
        within_s = timeout_s or self._options.timeout_s
        deadline_s = self._monotonic() + within_s
        connect_s = min(CONNECT_TIMEOUT_S, within_s)
        try:
            with self._http.post(
                f"{self._options.url}{path}",
                json=body,
                headers={"X-Correlation-ID": correlation_id},
                timeout=(connect_s, within_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                return response.status_code, self._read(response, deadline_s)
        except (requests.RequestException, *_BROKEN) as exc:
            raise TransientError(type(exc).__name__) from exc

    def _read(self, response: requests.Response, deadline_s: float) -> bytes:
        content = bytearray()
        # read1 returns what has come; a plain read would wait for a full chunk, however slowly
        # it drips, and never look at the deadline.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise TransientError("answer too long")
            if self._monotonic() > deadline_s:
                raise TransientError("answer too slow")
        return bytes(content)

    def _wait(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def _on_failure(self, error: Exception) -> None:
        if self._breaker.fail():
            _logger.error("recognition service circuit breaker opened: %s", error)
        self._note("down")

    def _note(self, status: ServiceStatus) -> None:
        previous, self._status = self._status, status
        if status == previous:
            return
        if status == "down":
            _logger.warning("recognition service does not answer")
        elif previous == "down":
            _logger.info("recognition service answers again")


def encoder_from(settings: Settings) -> HTTPFaceEncoder:
    """Build the adapter as configured."""
    key = settings.ml_service_api_key
    return HTTPFaceEncoder(
        EncoderOptions(
            url=str(settings.ml_service_url).rstrip("/"),
            api_key=key.get_secret_value() if key else None,
            timeout_s=settings.ml_service_timeout,
            max_retries=settings.ml_service_max_retries,
            min_face_area_ratio=settings.min_face_area_ratio,
            connections=settings.enrolment_workers + 2 + GUIDED_AT_ONCE,
        )
    )


@contextmanager
def _unavailable() -> Iterator[None]:
    """What one attempt may come to, in the words of the port."""
    try:
        yield
    except (TransientError, RefusedKeyError) as exc:
        raise EncoderUnavailableError from exc
