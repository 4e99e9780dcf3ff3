"""The HTTP adapter of the encoder port: retries, a circuit breaker, and a diagnosis."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from tenacity import RetryCallState, Retrying, stop_after_attempt, wait_exponential

from server.config import Settings
from server.errors import ConfigurationError
from server.ml import questions
from server.ml.answers import (
    health_in,
    is_offered,
    understand_faces,
    understand_findings,
    understand_origins,
    understand_plan,
    understand_quality,
    understand_school,
)
from server.ml.blank_picture import blank_picture
from server.ml.breaker import CircuitBreaker
from server.ml.connection import MLConnection, ServiceTLS
from server.ml.encoder import (
    EncoderUnavailableError,
    EncodingOutcome,
    FaceRefused,
    GalleryFindings,
    GalleryQuestion,
    ModelOrigin,
    ServiceStatus,
)
from server.ml.problems import BusyError, RefusedKeyError, ServiceProblem, TransientError
from server.ml.quality import FrameQuality
from server.ml.school import SchoolOperatingPoint, SchoolQuestion

T = TypeVar("T")

_logger = logging.getLogger(__name__)

#: The whole school is compared: so many times the deadline of a photo.
SCHOOL_TIMEOUTS = 4
#: The person is standing before the camera; a later hint is of no use.
QUALITY_TIMEOUT_S = 2.0
#: Pictures of cameras that are judged at the same time.
GUIDED_AT_ONCE = 2
#: A proof that the service works is believed for this long.
PROOF_LASTS_S = 60.0
_FACES = "/api/v1/faces"
_MODELS = "/api/v1/models"
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
        tls: which authorities to trust over HTTPS, and what to show.
        proxy: address of the proxy that requests go through; empty: none.
    """

    url: str
    api_key: str | None
    timeout_s: float = 30.0
    max_retries: int = 3
    min_face_area_ratio: float = 0.02
    connections: int = 4
    tls: ServiceTLS = field(default_factory=ServiceTLS)
    proxy: str = field(default="", repr=False)


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
        self._is_known = False
        self._problem: ServiceProblem | None = None
        self._proven_at_s = float("-inf")
        self._busy_until_s = float("-inf")
        self._is_plan_only = False
        self._models: tuple[str, ...] = ()
        self._origins: tuple[ModelOrigin, ...] = ()
        self._origins_of: tuple[str, ...] | None = None
        self._version = ""
        self._link = MLConnection(
            options.url,
            options.api_key,
            connections=options.connections,
            monotonic=monotonic,
            tls=options.tls,
            proxy=options.proxy,
        )

    def encode(
        self, photo: bytes, *, models: Sequence[str] | None = None, correlation_id: str
    ) -> EncodingOutcome:
        """See the port."""
        try:
            outcome = self._persist(partial(self._ask_faces, photo, models, correlation_id))
        except EncoderUnavailableError as exc:
            if exc.retry_after_s is not None:  # of photos; an allowance of checks is their own
                self._busy_until_s = self._monotonic() + exc.retry_after_s
                self._note(exc.problem)
            raise
        self._proven_at_s = self._monotonic()
        self._note(None)
        return outcome

    def check_gallery(
        self, question: GalleryQuestion, *, correlation_id: str
    ) -> GalleryFindings | None:
        """See the port."""
        if self._is_plan_only:
            return None
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
        if self._is_plan_only:
            return None
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

    def origins(self) -> tuple[ModelOrigin, ...]:
        """See the port."""
        return self._origins

    def software(self) -> str:
        """See the port."""
        return " ".join((self._version, *self._models))

    def check(self) -> ServiceStatus:
        """See the port."""
        problem = self._ask_health()
        if problem is None and self._is_busy():
            problem = ServiceProblem.OVERLOADED
        if problem is None and self._needs_proof():
            problem = self._prove()
        self._note(problem)
        if problem is None and self._origins_of != self._models:
            self._ask_origins()
        return self.status()

    def proves_itself(self) -> bool:
        """See the port."""
        if self._closing.is_set():
            return False
        problem = self._prove()
        if problem is ServiceProblem.FAILING and self._is_proven():
            problem = None  # it answered another photo meanwhile
        self._note(problem)
        return problem is None

    def status(self) -> ServiceStatus:
        """See the port."""
        if not self._is_known:
            return "unknown"
        return "up" if self._problem is None else "down"

    def problem(self) -> ServiceProblem | None:
        """See the port."""
        return self._problem

    def is_closed_off(self) -> bool:
        """See the port."""
        return self._breaker.is_open or self._is_busy()

    def close(self) -> None:
        """See the port."""
        self._closing.set()
        self._link.close()

    def _persist(self, ask: Callable[[], T]) -> T:
        """Ask until there is an answer, or the attempts are used up."""
        retrying = Retrying(
            stop=stop_after_attempt(1 + self._options.max_retries),
            wait=wait_exponential(multiplier=1, min=1),
            retry=_is_worth_repeating,
            sleep=self._pause,
            reraise=True,
        )
        with _unavailable():
            outcome: T = retrying(self._attempt, ask)
        return outcome

    def _attempt(self, ask: Callable[[], T]) -> T:
        if self._closing.is_set() or self._is_busy() or not self._breaker.try_acquire():
            raise EncoderUnavailableError(problem=self._problem)
        try:
            outcome = ask()
        except (TransientError, RefusedKeyError) as exc:
            self._on_failure(exc)
            raise
        except BaseException:
            self._breaker.fail()
            raise
        self._breaker.succeed()
        return outcome

    def _ask_faces(
        self, photo: bytes, models: Sequence[str] | None, correlation_id: str
    ) -> EncodingOutcome:
        smallest = self._options.min_face_area_ratio
        wanted = {} if models is None else {"models": list(models)}
        body = questions.of_photo(photo, single=True, **wanted)
        status, content = self._post(_FACES, body, correlation_id)
        if is_offered(status, content):
            self._is_plan_only = False
            return understand_faces(status, content, min_area_ratio=smallest)
        plan = questions.of_photo(
            photo, validate_single=True, min_face_area_ratio=smallest, num_jitters=1
        )
        outcome = understand_plan(*self._post(_PLAN, plan, correlation_id))
        self._is_plan_only = True
        return outcome

    def _ask_check(self, body: dict[str, object], correlation_id: str) -> GalleryFindings | None:
        return understand_findings(*self._post(_CHECK, body, correlation_id))

    def _ask_health(self) -> ServiceProblem | None:
        try:
            health = health_in(*self._link.health())
        except TransientError as exc:
            return exc.problem
        self._models, self._version = health.named(), health.version
        return None

    def _ask_origins(self) -> None:
        """Ask where the models come from; a failure changes nothing and is tried again."""
        try:
            self._origins = understand_origins(*self._link.get(_MODELS))
        except TransientError as exc:
            _logger.debug("origin of models unknown: %s", exc)
        else:
            self._origins_of = self._models

    def _needs_proof(self) -> bool:
        return not self._is_proven() or self._problem is not None or self._breaker.is_open

    def _is_proven(self) -> bool:
        return self._monotonic() - self._proven_at_s <= PROOF_LASTS_S

    def _prove(self) -> ServiceProblem | None:
        """Send a picture without a face, and return what is wrong with the service."""
        try:
            outcome = self._ask_faces(blank_picture(), None, "proof")
        except RefusedKeyError:
            has_key = self._options.api_key is not None
            return ServiceProblem.KEY_REFUSED if has_key else ServiceProblem.KEY_MISSING
        except BusyError as exc:
            self._busy_until_s = self._monotonic() + exc.retry_after_s
            return exc.problem
        except TransientError as exc:
            return exc.problem
        if outcome != FaceRefused("NO_FACE_FOUND"):
            return ServiceProblem.FAILING
        self._breaker.succeed()
        self._proven_at_s = self._monotonic()
        return None

    def _post_once(
        self, path: str, body: object, correlation_id: str, timeout_s: float
    ) -> tuple[int, bytes]:
        """Ask what no photo waits for: no retry, and the breaker hears nothing of a failure."""
        if self._closing.is_set() or self.is_closed_off():
            raise EncoderUnavailableError(problem=self._problem)
        return self._link.post(path, body, correlation_id, timeout_s=timeout_s)

    def _post(self, path: str, body: object, correlation_id: str) -> tuple[int, bytes]:
        return self._link.post(path, body, correlation_id, timeout_s=self._options.timeout_s)

    def _is_busy(self) -> bool:
        return self._monotonic() < self._busy_until_s

    def _wait(self, seconds: float) -> None:
        self._closing.wait(seconds)

    def _on_failure(self, error: TransientError | RefusedKeyError) -> None:
        if isinstance(error, BusyError):
            # An answer, and an honest one: nothing is broken.
            self._breaker.succeed()
            return
        if self._breaker.fail():
            _logger.error("ML service circuit breaker opened for 60 s: %s", error)

    def _note(self, problem: ServiceProblem | None) -> None:
        was_known, previous = self._is_known, self._problem
        self._is_known, self._problem = True, problem
        if problem == previous:
            return
        if problem is not None:
            _logger.warning("ML service unavailable: %s", problem.value)
        elif was_known:
            _logger.info("ML service available again")


def encoder_from(settings: Settings) -> HTTPFaceEncoder:
    """Build the adapter as configured; warn where the key is missing."""
    key, proxy = settings.ml_service_api_key, settings.ml_service_proxy
    if key is None:
        _logger.warning("ML_SERVICE_API_KEY is not set, photos wait until it is")
    if "ml_service_url" not in settings.model_fields_set:
        _logger.warning("ML_SERVICE_URL is not set, using %s", settings.ml_service_url)
    return HTTPFaceEncoder(
        EncoderOptions(
            url=str(settings.ml_service_url).rstrip("/"),
            api_key=key.get_secret_value() if key else None,
            timeout_s=settings.ml_service_timeout,
            max_retries=settings.ml_service_max_retries,
            min_face_area_ratio=settings.min_face_area_ratio,
            connections=settings.enrolment_workers + 2 + GUIDED_AT_ONCE,
            tls=_tls_of(settings),
            proxy=proxy.get_secret_value() if proxy else "",
        )
    )


def _tls_of(settings: Settings) -> ServiceTLS:
    files = (
        settings.ml_service_ca,
        settings.ml_service_client_certificate,
        settings.ml_service_client_key,
    )
    for file in files:
        if file is not None and not file.is_file():
            raise ConfigurationError(f"The file {file} for the ML service does not exist.")
    return ServiceTLS(*(str(file) if file is not None else None for file in files))


def _is_worth_repeating(state: RetryCallState) -> bool:
    """A failure that may pass in seconds; a busy service says itself when to come back."""
    error = state.outcome.exception() if state.outcome is not None else None
    return isinstance(error, TransientError) and not isinstance(error, BusyError)


@contextmanager
def _unavailable() -> Iterator[None]:
    """Translate the failures of attempts into the port's error."""
    try:
        yield
    except BusyError as exc:
        raise EncoderUnavailableError(
            problem=exc.problem, retry_after_s=math.ceil(exc.retry_after_s)
        ) from exc
    except TransientError as exc:
        raise EncoderUnavailableError(problem=exc.problem) from exc
    except RefusedKeyError as exc:
        raise EncoderUnavailableError(problem=ServiceProblem.KEY_REFUSED) from exc
