"""What a new kiosk is installed from: bundles and their files, for those who have a claim code."""

from typing import Annotated

from fastapi import Header, Request
from starlette.responses import Response

from server.kiosk_bundles import service
from server.kiosk_bundles.schemas import BundleRead
from server.kiosk_bundles.sending import STALL_S, BundleFileResponse
from server.kiosks.code_holders import require_claim_code
from server.web.access import PUBLIC
from server.web.routes import GuardedRouter
from server.web.state import ServicesDep

router = GuardedRouter(prefix="/api/v1/devices/bundles", tags=["kiosks"])
RangeHeader = Annotated[str, Header(alias="Range", max_length=100)]
IfRangeHeader = Annotated[str, Header(alias="If-Range", max_length=100)]


@router.get("", dependencies=[PUBLIC])
def bundles(request: Request, services: ServicesDep) -> list[BundleRead]:
    """List the bundles that kiosks can be installed from, newest first.

    Needs `Authorization: Claim` with a claim code that works.
    """
    require_claim_code(request, services)
    return [
        BundleRead(
            sha256=one.manifest.sha256,
            rollcall=one.manifest.rollcall,
            python=one.manifest.python,
            platform=one.manifest.platform,
            size_bytes=sum(entry.size_bytes for entry in one.manifest.entries.values()),
            changed_at=one.changed_at,
        )
        for one in service.offered(services.settings.bundles_folder)
    ]


@router.get("/{sha256}/{path:path}", dependencies=[PUBLIC], response_class=Response)
def bundle_file(
    sha256: str,
    path: str,
    request: Request,
    services: ServicesDep,
    wanted: RangeHeader = "",
    if_range: IfRangeHeader = "",
) -> Response:
    """Send a file of a bundle, or with `Range` a part of it. Its digest is its ETag.

    Needs `Authorization: Claim` with a claim code that works. 503 where as many files are being
    sent as the server sends at a time.
    """
    require_claim_code(request, services)
    file, entry = service.open_file(services.settings.bundles_folder, sha256, path)
    answer = BundleFileResponse(file, entry, services.downloads, stall_s=STALL_S)
    answer.limit_to(wanted, if_range)
    return answer
