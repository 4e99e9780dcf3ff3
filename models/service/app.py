"""The composition root of the ML service."""

from __future__ import annotations

import time
from contextlib import asynccontextmanager
from importlib import metadata
from typing import TYPE_CHECKING

from fastapi import FastAPI

from intake.head import HeadAsGet
from intake.linger import LingerMiddleware
from models.service.answers import install_error_answers
from models.service.api import ServiceParts, open_router, router
from models.service.bodies import BodyMiddleware, RequestRoom
from models.service.docs_page import DOCS_PATHS
from models.service.docs_page import router as docs_router
from models.service.edge import (
    KeyMiddleware,
    MatchRightMiddleware,
    RateMiddleware,
    RecordMiddleware,
)
from models.service.faces import FaceEngine
from models.service.match_gate import MatchGate
from models.service.matching import Matcher
from models.service.metrics import Metrics
from models.service.native import router as native_router
from models.service.pool import WorkerPool
from models.service.rate import TokenBucket
from models.service.readiness import Readiness
from models.service.schemas import ModelsInUse
from models.store import default_store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from models.service.config import Settings
    from models.store import ModelStore


def open_parts(settings: Settings, store: ModelStore | None = None) -> ServiceParts:
    """Open the models of every worker.

    Args:
        settings: of the process.
        store: where models are; default the shipped cards and the asset cache.

    Raises:
        ModelsError: a model is missing, corrupt or refused by the runtime.
    """
    store = store or default_store()
    engines = [FaceEngine.open(store, settings) for _ in range(settings.worker_count)]
    card, file = engines[0].embedder_card, engines[0].embedder_file  # what `auto` came to
    pool = WorkerPool(engines, settings.queue_timeout_s)
    return ServiceParts(
        pool=pool,
        readiness=Readiness(pool),
        matcher=Matcher.for_card(
            card,
            confident=settings.confident_threshold,
            uncertain=settings.uncertain_threshold,
        ),
        metrics=Metrics(),
        models=ModelsInUse(
            detector=settings.detector,
            landmarks=settings.landmarks,
            embedder=f"{card.id}-{file.variant}",
            embedders=list(engines[0].networks),
        ),
        cards={name: one.embedder_card for name, one in engines[0].networks.items()},
        version=metadata.version("rollcall"),
        started_at=time.monotonic(),
    )


def create_app(settings: Settings, parts: ServiceParts) -> FastAPI:
    """Wire the endpoints to open models.

    Args:
        settings: of the process.
        parts: from `open_parts`; closed when the application ends.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        parts.pool.close()

    app = FastAPI(
        title="Rollcall ML service",
        summary="Photos to face embeddings, embeddings to matches. Keeps nothing.",
        version=parts.version,
        lifespan=lifespan,
        docs_url=None,  # these pages load scripts from elsewhere; docs_page.py has our own
        redoc_url=None,
    )
    app.state.parts = parts
    app.state.room = RequestRoom(settings)
    app.state.match_gate = MatchGate(settings.callers, settings.match_per_minute, parts.metrics)
    app.include_router(router)
    app.include_router(native_router)
    app.include_router(open_router)
    app.include_router(docs_router)
    install_error_answers(app)
    paths = frozenset(app.openapi()["paths"]) | {"/openapi.json"} | DOCS_PATHS
    # The last added is the outermost.
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyMiddleware, room=app.state.room, metrics=parts.metrics)
    app.add_middleware(MatchRightMiddleware, gate=app.state.match_gate)
    if settings.rate_per_minute:
        buckets = {
            key.name: TokenBucket(settings.rate_per_minute, settings.rate_burst)
            for key in settings.callers
        }
        app.add_middleware(RateMiddleware, buckets=buckets)
    token = settings.metrics_token.get_secret_value() if settings.metrics_token else None
    app.add_middleware(KeyMiddleware, keys=settings.callers, metrics_token=token)
    app.add_middleware(RecordMiddleware, metrics=parts.metrics, paths=paths)
    app.add_middleware(LingerMiddleware)
    return app
