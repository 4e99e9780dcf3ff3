"""Whether the server works, for load balancers and people, and its counters for Prometheus."""

import logging
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from fastapi import Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.responses import JSONResponse, Response

from server.db.dependencies import DatabaseDep
from server.web.access import PUBLIC
from server.web.routes import GuardedRouter

router = GuardedRouter(tags=["health"])
_logger = logging.getLogger(__name__)
_started = time.monotonic()

#: Name to a function that says how that part is. Installed by app.py as `app.state.probes`.
#: A probe answers at once from what it knows; it never waits for a network.
Probes = dict[str, Callable[[], Any]]


@router.get("/health", dependencies=[PUBLIC])
def health(request: Request, database: DatabaseDep) -> JSONResponse:
    """Say how the server and what it talks to are. 503 only where the server itself cannot work."""
    try:
        with database.reading() as db:
            db.execute(text("SELECT 1"))
        database_status = "up"
    except SQLAlchemyError:
        _logger.exception("the database does not answer")
        database_status = "down"
    probes: Probes = request.app.state.probes
    body = {
        "status": "healthy" if database_status == "up" else "unhealthy",
        "service": "rollcall-server",
        "version": version("rollcall"),
        "uptime_seconds": round(time.monotonic() - _started, 1),
        "database": database_status,
    }
    body |= {name: probe() for name, probe in probes.items()}
    return JSONResponse(body, 200 if database_status == "up" else 503)


@router.get("/metrics", dependencies=[PUBLIC])
def metrics() -> Response:
    """Counters and timings in Prometheus' text format."""
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
