"""The school's name, time zone and language: the JSON API."""

from server.config import SchoolIdentity, Settings
from server.db.dependencies import DBDep
from server.school import service
from server.school.schemas import SchoolInput, SchoolRead
from server.web.access import AdminDep, SignedInDep
from server.web.routes import GuardedRouter
from server.web.state import SettingsDep

router = GuardedRouter(prefix="/api/v1", tags=["school"])


@router.get("/school")
def read_school(_: SignedInDep, settings: SettingsDep) -> SchoolRead:
    """What the school is called, and which of it the server's settings fix."""
    return _read(settings, settings.school)


@router.put("/school")
def change_school(
    body: SchoolInput, principal: AdminDep, db: DBDep, settings: SettingsDep
) -> SchoolRead:
    """Change it; what the server's settings fix stays."""
    school = service.enter(db, settings, body.identity, actor=principal.actor)
    return _read(settings, school)


def _read(settings: Settings, school: SchoolIdentity) -> SchoolRead:
    return SchoolRead(
        name=school.name,
        timezone=school.timezone,
        language=school.language,
        fixed=service.fixed_by(settings),
    )
