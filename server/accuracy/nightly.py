"""Measure the school at night, where something changed since the last measurement."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlmodel import Session, col, func, select

from server.accuracy import service
from server.accuracy.question import measured_of
from server.accuracy.tables import Measurement
from server.audit.service import SYSTEM
from server.config import SchoolZone
from server.db.engine import Database
from server.db.types import now
from server.enrollment.tables import Template
from server.limits import service as limits
from server.logs import new_correlation_id

_logger = logging.getLogger(__name__)

#: No lesson runs at this hour.
QUIET_HOUR = time(3, 0)
#: Older figures are measured again though nothing that is looked at has changed.
MOST_AGE = timedelta(days=7)
LOOK_S = 60.0
_STOP_TIMEOUT_S = 10.0


def last_night(at: datetime, zone: ZoneInfo) -> datetime:
    """Return the newest moment, not after `at`, at which the school's clocks show the quiet hour.

    A server that was off at that hour measures when it is on again.
    """
    local = at.astimezone(zone)
    tonight = datetime.combine(local.date(), QUIET_HOUR, tzinfo=zone)
    if tonight > local:
        tonight = datetime.combine(local.date() - timedelta(days=1), QUIET_HOUR, tzinfo=zone)
    return tonight.astimezone(at.tzinfo)


def due(db: Session, night: datetime, software: str) -> list[str]:
    """Return the models to measure: something changed since that night, or a week went by.

    Classes grow and people come of age without any change that could be noticed cheaply.
    """
    return [
        model_id for model_id in service.models_in_use(db) if _is_due(db, model_id, night, software)
    ]


def _is_due(db: Session, model_id: str, night: datetime, software: str) -> bool:
    mine = select(Measurement).where(Measurement.model_id == model_id)
    newest = db.exec(mine.order_by(col(Measurement.finished_at).desc()).limit(1)).first()
    if newest is not None:
        is_new = newest.measured_of != measured_of(db, model_id, software)
        is_old = newest.finished_at < night - MOST_AGE
        return newest.finished_at < night and (is_new or is_old)
    first = select(func.min(col(Template.created_at))).where(Template.model_id == model_id)
    since: datetime | None = db.exec(first).one()
    return since is not None and since < night


class NightlyMeasurement:
    """A thread that asks for measurements; the job workers do them."""

    def __init__(self, database: Database, software: Callable[[], str], zone: SchoolZone) -> None:
        self._database = database
        self._software = software
        self._zone = zone
        self._asked_for: datetime | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="nightly", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop it."""
        self._stopping.set()
        self._thread.join(_STOP_TIMEOUT_S)

    def look(self, at: datetime) -> int:
        """Ask for what is due, once a night; returns how many measurements were added.

        Limits of models that nobody has templates of any more are taken back.

        Nothing is asked before the recognition service has said what it is.
        """
        night, software = last_night(at, self._zone()), self._software()
        if not software or self._asked_for == night:
            return 0
        with self._database.transaction() as db:
            limits.withdraw_unused(db, service.models_in_use(db))
            model_ids = due(db, night, software)
            count = service.request_models(db, model_ids, actor=SYSTEM)
        if model_ids:
            _logger.info("nightly measurement requested models=%s", ",".join(model_ids))
        self._asked_for = night
        return count

    def _watch(self) -> None:
        while not self._stopping.wait(LOOK_S):
            new_correlation_id()
            try:
                self.look(now())
            except Exception:  # the edge of a thread that must not end
                _logger.exception("nightly measurement step failed, retrying")
