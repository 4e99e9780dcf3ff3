"""The HTTP adapter of the encoder port: one pooled session, deadlines, retries, a breaker."""

import base64
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import requests
import urllib3
from pydantic import BaseModel, ConfigDict, ValidationError
from requests.adapters import HTTPAdapter
from tenacity import (
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
)

from server.config import Settings
from server.ml.breaker import CircuitBreaker
from server.ml.encoder import (
    EncoderUnavailableError,
    EncodingOutcome,
    FaceEncoded,
    FaceRefused,
    ServiceStatus,
)

_logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 5.0
HEALTH_TIMEOUT_S = 3.0
MAX_ANSWER_BYTES = 1_000_000
_CHUNK_BYTES = 16_384
#: Answers that will not change however often one asks: the photo itself was refused.
_PHOTO_REFUSED = {
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
}
REFUSED_CODE = "PHOTO_NOT_ACCEPTED"


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


class _Quality(BaseModel):
    model_config = ConfigDict(extra="ignore")
    reasons: list[str] = []


class _Metadata(BaseModel):
    model_config = ConfigDict(extra="ignore", protected_namespaces=())
    face_area_ratio: float
    model_id: str
    quality: _Quality = _Quality()


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", allow_inf_nan=False)
    success: bool
    embedding: list[float] | None = None
    metadata: _Metadata | None = None
    error_code: str | None = None


class _TransientError(Exception):
    """This attempt failed; the next may not."""


class _RefusedKeyError(Exception):
    """The service does not know our key. Asking again is useless until somebody mends it."""


class HTTPFaceEncoder:
    """Talks to `/api/ml/encode-face`. See `server.ml.encoder.FaceEncoder`."""

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
        self._session = requests.Session()
        # Nothing of the environment's proxies or ~/.netrc: the key goes to this service alone.
        self._session.trust_env = False
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=options.connections)
        self._session.mount(options.url, adapter)
        if options.api_key is not None:
            self._session.headers["X-API-Key"] = options.api_key

    def encode(self, photo: bytes, *, correlation_id: str) -> EncodingOutcome:
        """See the port."""
        retrying = Retrying(
            stop=stop_after_attempt(1 + self._options.max_retries),
            wait=wait_exponential(multiplier=1, min=1),
            retry=retry_if_exception_type(_TransientError),
            sleep=self._pause,
            reraise=True,
        )
        try:
            return retrying(self._attempt, photo, correlation_id)
        except (_TransientError, _RefusedKeyError) as exc:
            raise EncoderUnavailableError from exc

    def check(self) -> ServiceStatus:
        """See the port."""
        try:
            with self._session.get(
                f"{self._options.url}/health", timeout=HEALTH_TIMEOUT_S, stream=True
            ) as response:
                is_well = response.status_code == HTTPStatus.OK
        except requests.RequestException:
            is_well = False
        self._note("up" if is_well else "down")
        if is_well:
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
        self._session.close()

    def _attempt(self, photo: bytes, correlation_id: str) -> EncodingOutcome:
        if self._closing.is_set() or not self._breaker.try_acquire():
            raise EncoderUnavailableError
        try:
            outcome = self._ask(photo, correlation_id)
        except (_TransientError, _RefusedKeyError) as exc:
            self._on_failure(exc)
            raise
        except BaseException:
            self._breaker.fail()
            raise
        self._breaker.succeed()
        self._note("up")
        return outcome

    def _ask(self, photo: bytes, correlation_id: str) -> EncodingOutcome:
        body = {
            "image_base64": base64.b64encode(photo).decode(),
            "validate_single": True,
            "min_face_area_ratio": self._options.min_face_area_ratio,
            "num_jitters": 1,
        }
        deadline_s = self._monotonic() + self._options.timeout_s
        connect_s = min(CONNECT_TIMEOUT_S, self._options.timeout_s)
        try:
            with self._session.post(
                f"{self._options.url}/api/ml/encode-face",
                json=body,
                headers={"X-Correlation-ID": correlation_id},
                timeout=(connect_s, self._options.timeout_s),
                allow_redirects=False,
                stream=True,
            ) as response:
                content = self._read(response, deadline_s)
                return _understand(response.status_code, content)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
            raise _TransientError(type(exc).__name__) from exc

    def _read(self, response: requests.Response, deadline_s: float) -> bytes:
        content = bytearray()
        # read1 returns what has come; a plain read would wait for a full chunk, however slowly
        # it drips, and never look at the deadline.
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            content += chunk
            if len(content) > MAX_ANSWER_BYTES:
                raise _TransientError("answer too long")
            if self._monotonic() > deadline_s:
                raise _TransientError("answer too slow")
        return bytes(content)

    def _wait(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def _on_failure(self, error: Exception) -> None:
        if self._breaker.fail():
            _logger.error("recognition service given up for a while: %s", error)
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
            connections=settings.enrolment_workers + 1,
        )
    )


def _understand(status_code: int, content: bytes) -> EncodingOutcome:
    if status_code in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        raise _RefusedKeyError("the service refuses our key (ML_SERVICE_API_KEY)")
    if status_code in _PHOTO_REFUSED:
        return FaceRefused(REFUSED_CODE)
    if status_code != HTTPStatus.OK:
        raise _TransientError(f"status {status_code}")
    try:
        answer = _Answer.model_validate_json(content)
    except ValidationError as exc:
        raise _TransientError("answer makes no sense") from exc
    return _outcome_of(answer)


def _outcome_of(answer: _Answer) -> EncodingOutcome:
    if not answer.success:
        return FaceRefused(answer.error_code or REFUSED_CODE)
    if not answer.embedding or answer.metadata is None:
        raise _TransientError("answer is incomplete")
    metadata = answer.metadata
    return FaceEncoded(
        tuple(answer.embedding),
        metadata.model_id,
        metadata.face_area_ratio,
        tuple(metadata.quality.reasons),
    )
