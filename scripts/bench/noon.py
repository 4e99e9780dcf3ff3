"""A time zone in which it is about noon."""

from datetime import datetime


def noon_zone(at: datetime) -> str:
    """A zone in which it is about noon, so that all lessons around now are of one day."""
    return f"Etc/GMT{at.hour - 12:+d}"
