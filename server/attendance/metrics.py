"""Counts the attendance events that kiosks deliver, however they come."""

from enum import StrEnum

from prometheus_client import Counter

from server.attendance.ingest import Intake


class Transport(StrEnum):
    """How events reach the server."""

    MQTT = "mqtt"
    HTTP = "http"


_EVENTS = Counter("rollcall_ingest_events", "Attendance events taken in", ["outcome", "transport"])


def count_intake(intake: Intake, transport: Transport) -> None:
    """Count what was taken in; after its commit, so that a retry is not counted twice."""
    _EVENTS.labels("stored", transport).inc(intake.stored)
    _EVENTS.labels("repeated", transport).inc(intake.repeated)
    _EVENTS.labels("refused", transport).inc(intake.refused)
    _EVENTS.labels("dropped", transport).inc(intake.dropped)
