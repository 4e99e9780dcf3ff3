"""Whether the server works, for load balancers and people."""

import time
from http import HTTPStatus
from importlib.metadata import version

from starlette.responses import JSONResponse

from server.web.access import PUBLIC
from server.web.routes import GuardedRouter
from server.web.state import ServicesDep
from server.web.translations import translator

router = GuardedRouter(tags=["health"])
_started = time.monotonic()


@router.get("/health", dependencies=[PUBLIC])
async def health(services: ServicesDep) -> JSONResponse:
    """Say how the server and what it talks to are. 503 only where the server itself cannot work.

    It waits for no thread of the other endpoints, and for the database no longer than a second.
    """
    signs = await services.vitals.look()
    is_down = signs.database == "down"
    disk = signs.disk
    body: dict[str, object] = {
        "status": "unhealthy" if is_down else "healthy",
        "service": "rollcall-server",
        "version": version("rollcall"),
        "uptime_seconds": round(time.monotonic() - _started, 1),
        "database": signs.database,
        "disk": disk and disk.state,
        "disk_free_mib": disk and disk.free_mib,
        "disk_problem": disk and disk.sentence(translator("en")),
    }
    body |= {name: probe(services) for name, probe in services.probes.items()}
    return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE if is_down else HTTPStatus.OK)
