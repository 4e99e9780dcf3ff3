"""What a kiosk downloads to check PINs and cards."""

from starlette.responses import Response

from server.credentials import sync
from server.db.dependencies import DBDep
from server.db.types import now
from server.kiosks.device import DeviceDep
from server.web.etags import IfNoneMatch, is_known
from server.web.routes import GuardedRouter
from server.web.state import VaultDep

router = GuardedRouter(prefix="/api/v1", tags=["kiosks"])


@router.get("/sync/credentials", response_model=None)
def sync_credentials(
    device: DeviceDep, db: DBDep, vault: VaultDep, if_none_match: IfNoneMatch = ""
) -> Response:
    """PINs and cards of this kiosk's people and staff, as it can check them; 304: no change."""
    document = sync.build(db, vault, device, now())
    etag = f'"{document.version}"'
    headers = {"Cache-Control": "private, no-cache", "ETag": etag}
    if is_known(etag, if_none_match):
        return Response(status_code=304, headers=headers)
    return Response(document.to_json(), media_type="application/json", headers=headers)
