"""Whether the server works, for load balancers and people."""

import time
from collections.abc import Callable
from http import HTTPStatus
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import Request
from starlette.responses import JSONResponse

from server.web.access import PUBLIC
from server.web.routes import GuardedRouter
from server.web.translations import translator

if TYPE_CHECKING:
    from server.web.vitals import Vitals

router = GuardedRouter(tags=["health"])
_started = time.monotonic()

#: Name to a function that says how that part is. Installed by app.py as `app.state.probes`.
#: A probe answers at once from what it knows; it never waits for a network.
Probes = dict[str, Callable[[], Any]]


@router.get("/health", dependencies=[PUBLIC])
async def health(request: Request) -> JSONResponse:
    """Say how the server and what it talks to are. 503 only where the server itself cannot work.

    It waits for no thread of the other endpoints, and for the database no longer than a second.
    """
    vitals: Vitals = request.app.state.vitals
    signs = await vitals.look()
    is_down = signs.database == "down"
    disk = signs.disk
    body = {
        "status": "unhealthy" if is_down else "healthy",
        "service": "rollcall-server",
        "version": version("rollcall"),
        "uptime_seconds": round(time.monotonic() - _started, 1),
        "database": signs.database,
        "disk": disk and disk.state,
        "disk_free_mib": disk and disk.free_mib,
        "disk_problem": disk and disk.sentence(translator("en")),
    }
    probes: Probes = request.app.state.probes
    body |= {name: probe() for name, probe in probes.items()}
    return JSONResponse(body, HTTPStatus.SERVICE_UNAVAILABLE if is_down else HTTPStatus.OK)
