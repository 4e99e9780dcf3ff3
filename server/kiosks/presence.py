"""Whether a kiosk is online: the one rule that pages, API, Today and metrics use."""

import uuid
from datetime import datetime, timedelta
from typing import Protocol

from prometheus_client import Gauge
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session, select

from server.db.engine import Database
from server.kiosks.tables import Kiosk, KioskState

TOUCH_INTERVAL = timedelta(seconds=30)
#: A kiosk reports every 30 s over MQTT (its setting `status_interval_s`) and asks every 60 s over
#: HTTP (`sync_interval_s`), noted at most `TOUCH_INTERVAL` late. One lost request is no silence.
SILENT_AFTER = timedelta(minutes=2, seconds=30)

_CLAIMED = Gauge("rollcall_kiosks", "Claimed kiosks, by whether they are online.", ["state"])


class Heard(Protocol):
    """What decides whether a kiosk is online; see `Kiosk`."""

    @property
    def state(self) -> str:
        """Whether it is claimed."""

    @property
    def is_online(self) -> bool:
        """Whether its last will has not been heard since."""

    @property
    def last_seen_at(self) -> datetime | None:
        """When it was heard of last."""


def is_online(kiosk: Heard, at: datetime) -> bool:
    """Return whether a claimed kiosk was heard of, over MQTT or HTTP, within `SILENT_AFTER`.

    Its last will makes it offline at once, until it is heard of again.
    """
    if kiosk.state != KioskState.CLAIMED or kiosk.last_seen_at is None:
        return False
    return kiosk.is_online and kiosk.last_seen_at > at - SILENT_AFTER


def needs_touch(kiosk: Kiosk, at: datetime) -> bool:
    """Return whether it is worth a write to note that the kiosk was heard of."""
    if kiosk.last_seen_at is None or not kiosk.is_online:
        return True
    return kiosk.last_seen_at < at - TOUCH_INTERVAL


def touch(db: Session, kiosk_id: uuid.UUID, at: datetime) -> None:
    """Note a request of a kiosk."""
    kiosk = db.get(Kiosk, kiosk_id, with_for_update=True)
    if kiosk is not None and kiosk.state == KioskState.CLAIMED:
        kiosk.last_seen_at, kiosk.is_online = at, True
        db.add(kiosk)


def note_heartbeat(kiosk: Kiosk, at: datetime, *, is_online: bool) -> None:
    """Note a status that a kiosk sent just now, or its last will, which the broker sent."""
    kiosk.is_online = is_online
    if is_online:
        kiosk.last_seen_at = kiosk.status_at = at


def count_kiosks(database: Database, at: datetime) -> None:
    """Bring the metric up to date; without a database it shows no number."""
    try:
        with database.reading() as db:
            claimed = db.exec(select(Kiosk).where(Kiosk.state == KioskState.CLAIMED)).all()
    except SQLAlchemyError:  # /health says that the database is down
        _CLAIMED.clear()
        return
    online = sum(is_online(kiosk, at) for kiosk in claimed)
    _CLAIMED.labels("online").set(online)
    _CLAIMED.labels("silent").set(len(claimed) - online)
