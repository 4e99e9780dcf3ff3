"""The school's network as JSON, and the endpoint that takes templates from scans."""

from typing import Annotated

from protocol.v1.messages import ScanTemplateBatch, ScanTemplateReceipt
from server.db.dependencies import DBDep, ReadDBDep
from server.db.types import now
from server.enrollment.photo import school_date
from server.errors import SealBrokenError
from server.kiosks import service as kiosks
from server.kiosks.claiming import data_key
from server.kiosks.device import DeviceDep
from server.network_change import progress, scan_intake
from server.network_change.schemas import ChangeRead, ClassRead, NetworksRead
from server.networks.service import row_of
from server.web.access import require_role
from server.web.principal import Principal, Role
from server.web.routes import GuardedRouter
from server.web.state import EncoderDep, SettingsDep, VaultDep

router = GuardedRouter(prefix="/api/v1", tags=["networks"])
ReaderDep = Annotated[Principal, require_role(Role.DPO)]


@router.get("/networks")
def read_networks(
    _: ReaderDep, db: ReadDBDep, settings: SettingsDep, encoder: EncoderDep
) -> NetworksRead:
    """Which network the school uses, and how far a change is."""
    row, today = row_of(db), school_date(settings)
    change = None
    if row.next is not None:
        found = progress.with_classes(db, progress.progress_of(db, row, today), today)
        change = ChangeRead(
            next=row.next,
            started_at=row.started_at,
            collects_scans=row.collects_scans,
            people=len(found.people),
            covered=found.covered,
            wanted=found.wanted,
            may_switch=found.may_switch,
            classes=[
                ClassRead(course_id=str(one.course.id), people=one.people, covered=one.covered)
                for one in found.classes
            ],
        )
    return NetworksRead(current=row.current, served=list(encoder.models()), change=change)


@router.post("/kiosk/scan-templates")
def take_scan_templates(
    body: ScanTemplateBatch,
    device: DeviceDep,
    db: DBDep,
    settings: SettingsDep,
    vault: VaultDep,
    encoder: EncoderDep,
) -> ScanTemplateReceipt:
    """Take templates of the next network that a kiosk made from clear scans.

    The receipt names every scan that was judged; the kiosk deletes those and keeps the others.
    """
    kiosk = kiosks.kiosk_of(db, device.id)
    try:
        key = data_key(vault, kiosk)
    except SealBrokenError:  # its key may come back: nothing is judged
        return ScanTemplateReceipt()
    wanted = row_of(db).next
    dimension = next((one.dimension for one in encoder.origins() if one.model_id == wanted), None)
    sender = scan_intake.Sender(kiosk, key, dimension)
    place = scan_intake.Place(vault, settings.zone, now())
    return scan_intake.take_in(db, sender, body.scans, place)
