"""What a kiosk downloads to check PINs and cards."""

from starlette.responses import Response

from server.credentials import sync
from server.db.dependencies import DatabaseDep
from server.db.types import now
from server.kiosks.device import DeviceDep
from server.web.etags import IfNoneMatch, is_known
from server.web.routes import GuardedRouter
from server.web.state import VaultDep

router = GuardedRouter(prefix="/api/v1", tags=["kiosks"])


@router.get("/sync/credentials", response_model=None)
def sync_credentials(
    device: DeviceDep, database: DatabaseDep, vault: VaultDep, if_none_match: IfNoneMatch = ""
) -> Response:
    """PINs and cards of this kiosk's people and staff, as it can check them; 304: no change."""
    plan = sync.plan(database, vault, device, now())
    etag = f'"{plan.version(vault)}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": etag}
    if is_known(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    content = sync.build(vault, plan).to_json()
    return Response(content, media_type="application/json", headers=headers)
