"""The on-site list for clients."""

from server.attendance.access import RegisterDep
from server.db.dependencies import ReadDBDep
from server.db.types import now
from server.on_site.schemas import SilentKioskRead, SiteLineRead, SiteListRead
from server.on_site.service import SiteGroup, SiteLine, site_list
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1", tags=["on site"])


@router.get("/on-site")
def read_on_site(_: RegisterDep, db: ReadDBDep, settings: SettingsDep) -> SiteListRead:
    """Who is on site now, in the whole school; without reasons of absence."""
    found = site_list(db, zone=settings.zone, at=now())
    return SiteListRead(
        at=found.at,
        people=[_line(group, line) for group in found.groups for line in group.lines],
        reported_absent=found.reported,
        silent_kiosks=[
            SilentKioskRead(
                kiosk_id=one.id, name=one.name, room=one.room, last_seen_at=one.last_seen_at
            )
            for one in found.silent
        ],
    )


def _line(group: SiteGroup, line: SiteLine) -> SiteLineRead:
    return SiteLineRead(
        person_id=line.person.id,
        display_name=line.person.display_name,
        student_number=line.person.student_number,
        place=line.place,
        lesson_id=group.lesson.id if group.lesson else None,
        last_seen_at=line.seen.at if line.seen else None,
        last_seen_in=line.seen.room if line.seen else None,
    )
