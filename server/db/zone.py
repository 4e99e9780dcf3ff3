"""The school's time zone, as the server that opened a session knows it."""

from zoneinfo import ZoneInfo

from sqlmodel import Session

from server.config import SchoolZone

#: Where a session keeps how to ask for it.
_ZONE = "school_zone"


def zone_entry(zone: SchoolZone | None) -> dict[str, SchoolZone]:
    """Return what a session keeps; nothing where it is opened without a zone."""
    return {} if zone is None else {_ZONE: zone}


def zone_of(db: Session) -> ZoneInfo | None:
    """Return the school's zone as it is now; None where the session was opened without one."""
    zone: SchoolZone | None = db.info.get(_ZONE)
    return None if zone is None else zone()
