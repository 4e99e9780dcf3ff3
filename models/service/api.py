"""The HTTP endpoints: thin, they hand the work to the workers."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from fastapi import APIRouter, Body, Depends, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader
from pydantic_core import from_json

from models.service.edge import CALLER_KEY, KEY_HEADER
from models.service.errors import ErrorCode, RefusalError
from models.service.examples import EXAMPLES
from models.service.schemas import (
    BatchMatchRequest,
    BatchMatchResponse,
    DetectFacesRequest,
    DetectFacesResponse,
    EncodeFaceRequest,
    EncodeFaceResponse,
    HealthResponse,
    MatchFacesRequest,
    MatchFacesResponse,
    ModelsInUse,
    ReadyResponse,
    Refusal,
    RootResponse,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from models.service.bodies import RequestRoom
    from models.service.faces import FaceEngine
    from models.service.match_gate import MatchGate
    from models.service.matching import Matcher
    from models.service.metrics import Metrics
    from models.service.pool import WorkerPool
    from models.service.readiness import Readiness
    from models.service.schemas import Candidate
    from models.store import ModelCard


@dataclass(frozen=True)
class ServiceParts:
    """What the endpoints work with; made once, at start.

    Attributes:
        pool: the workers with their models.
        readiness: asks them for proof.
        matcher: compares embeddings.
        metrics: what is counted.
        models: the cards in use, by name.
        cards: of the embedders, by id.
        version: of the distribution.
        started_at: monotonic seconds.
    """

    pool: WorkerPool[FaceEngine]
    readiness: Readiness
    matcher: Matcher
    metrics: Metrics
    models: ModelsInUse
    cards: dict[str, ModelCard]
    version: str
    started_at: float


def _parts(request: Request) -> ServiceParts:
    parts: ServiceParts = request.app.state.parts
    return parts


Parts = Annotated[ServiceParts, Depends(_parts)]


class AdmitMatch(Protocol):
    """Counts a call that compares vectors; see `MatchGate.admit`."""

    def __call__(self, *, vectors: int, against: int) -> None:
        """Count it, or refuse it."""


def _match_call(request: Request) -> AdmitMatch:
    gate: MatchGate = request.app.state.match_gate
    return partial(gate.admit, request.scope["state"][CALLER_KEY], request.scope["path"])


MatchCall = Annotated[AdmitMatch, Depends(_match_call)]


def _count(candidates: Sequence[Candidate]) -> int:
    return sum(len(candidate.embeddings) for candidate in candidates)


# The key itself is checked in edge.py, before the body is read; this is for OpenAPI.
documented_key = APIKeyHeader(name=KEY_HEADER, auto_error=False)
REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": Refusal, "description": words}
    for status, words in (
        (401, "The key is missing or wrong"),
        (403, "The key may not compare faces"),
        (408, "The body arrived too slowly; Retry-After says when to come back"),
        (413, "The body is too large"),
        (422, "The request is malformed"),
        (429, "The key has sent too many requests; Retry-After says when to come back"),
        (503, "Busy; Retry-After says when to come back"),
    )
}


class _FastJSONRequest(Request):
    """Parses its body several times as fast as the standard library: embeddings are long."""

    async def json(self) -> Any:
        return from_json(await self.body())


class FastJSONRoute(APIRoute):
    """Reads bodies with `_FastJSONRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()

        async def handle_fast(request: Request) -> Response:
            return await handle(_FastJSONRequest(request.scope, request.receive))

        return handle_fast


router = APIRouter(
    prefix="/api/ml",
    dependencies=[Security(documented_key)],
    responses=REFUSALS,
    route_class=FastJSONRoute,
    tags=["ml"],
)
open_router = APIRouter(tags=["operation"])


@router.post("/encode-face")
async def encode_face(
    request: Annotated[EncodeFaceRequest, Body(openapi_examples=EXAMPLES["encode-face"])],
    parts: Parts,
) -> EncodeFaceResponse | Refusal:
    """Turn the one face of a picture into an embedding (SD3)."""
    answer = await parts.pool.run(lambda engine: engine.encode(request))
    parts.metrics.faces.inc()
    return answer


@router.post("/detect-faces")
async def detect_faces(
    request: Annotated[DetectFacesRequest, Body(openapi_examples=EXAMPLES["detect-faces"])],
    parts: Parts,
) -> DetectFacesResponse | Refusal:
    """Turn every face of a picture into an embedding (SD4)."""
    answer = await parts.pool.run(lambda engine: engine.detect(request, parts.pool.share))
    parts.metrics.faces.inc(answer.count)
    return answer


@router.post("/match-faces")
async def match_faces(
    request: Annotated[MatchFacesRequest, Body(openapi_examples=EXAMPLES["match-faces"])],
    parts: Parts,
    match: MatchCall,
) -> MatchFacesResponse:
    """Say whose face one embedding is (SD5)."""
    match(vectors=1, against=_count(request.candidate_embeddings))
    job = partial(parts.matcher.match, request)
    return await parts.pool.run(lambda _engine: job())


@router.post("/batch-match")
async def batch_match(
    request: Annotated[BatchMatchRequest, Body(openapi_examples=EXAMPLES["batch-match"])],
    parts: Parts,
    match: MatchCall,
) -> BatchMatchResponse:
    """Say whose faces those of a class photo are (SD6)."""
    match(vectors=len(request.detected_faces), against=_count(request.candidate_embeddings))
    job = partial(parts.matcher.batch_match, request)
    return await parts.pool.run(lambda _engine: job())


@open_router.get("/health")
async def health(parts: Parts) -> HealthResponse:
    """Say that the process is up and its models are open (SD7)."""
    return HealthResponse(
        status="healthy",
        service="rollcall-ml",
        version=parts.version,
        models_loaded=True,
        models=parts.models,
        uptime_seconds=round(time.monotonic() - parts.started_at, 3),
        timestamp=datetime.now(UTC),
    )


@open_router.get("/")
async def root(parts: Parts) -> RootResponse:
    """Name the service, and where to read on."""
    return RootResponse(
        service="rollcall-ml",
        version=parts.version,
        status="running",
        docs="/docs",
        health="/health",
    )


@open_router.get("/ready", responses={503: {"model": Refusal, "description": "Not now, and why"}})
async def ready(parts: Parts, request: Request) -> ReadyResponse:
    """Say that a request would be accepted and a worker can run the models: it has just done so."""
    room: RequestRoom = request.app.state.room
    try:
        room.check()
    except RefusalError as error:
        words = "The service is busy: it would refuse a request now."
        raise RefusalError(ErrorCode.NOT_READY, words, error.retry_after_s) from error
    took_ms = await parts.readiness.check()
    return ReadyResponse(
        status="ready", service="rollcall-ml", models=parts.models, inference_ms=took_ms
    )


@open_router.get("/metrics", response_class=Response)
async def metrics(parts: Parts) -> Response:
    """Give the figures in Prometheus' text format."""
    content, content_type = parts.metrics.exposition()
    return Response(content, headers={"Content-Type": content_type})
