"""What describes the server to machines: its counters for Prometheus, and its API.

Neither is for everybody: the counters tell how many people and kiosks a school has, and when.
"""

from hmac import compare_digest
from typing import Any

from fastapi import Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import Response

from server.web.access import SignedInDep, access_guard, require_role
from server.web.openapi import describe
from server.web.principal import Role
from server.web.routes import GuardedRouter
from server.web.state import CountKiosksDep, get_settings

router = GuardedRouter()
_ROLE = require_role(Role.TECHNICIAN).dependency
_SCHEME = "Bearer "


@access_guard
async def _metrics_reader(request: Request) -> None:
    """Let in a caller with the token of the settings, else technicians and admins."""
    offered = request.headers.get("authorization", "")
    if offered.startswith(_SCHEME) and (token := get_settings(request).metrics_token) is not None:
        wanted = token.get_secret_value().encode()
        if compare_digest(offered.removeprefix(_SCHEME).encode("latin-1"), wanted):
            return
    await _ROLE(request)


@router.get("/metrics", dependencies=[Depends(_metrics_reader)], tags=["health"])
def metrics(count: CountKiosksDep) -> Response:
    """Counters and timings in Prometheus' text format.

    For technicians and admins, or with the token of the settings (`Authorization: Bearer ...`).
    """
    count()
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


@router.get("/api/v1/openapi.json", include_in_schema=False)
def describe_api(request: Request, _: SignedInDep) -> dict[str, Any]:
    """Every endpoint of the API with its fields, as OpenAPI."""
    return describe(request.app)
