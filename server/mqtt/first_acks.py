"""Tell every kiosk once, after the server has started, which events it holds.

A server that was restored from a backup holds fewer than it once acknowledged. Kiosks keep
acknowledged events for a while and send those again that the new word does not cover.
"""

import logging
from typing import TYPE_CHECKING

from sqlmodel import Session, col, select

from protocol.v1 import topics
from server.attendance.ingest import ack_of
from server.db.engine import Database
from server.db.types import now
from server.errors import SealBrokenError
from server.kiosks.server_key import ServerSigner
from server.kiosks.tables import Kiosk, KioskProgress, KioskState
from server.mqtt.link import BrokerLink

if TYPE_CHECKING:
    import uuid

logger = logging.getLogger(__name__)

#: Kiosks a round, one round a second: a fleet of a thousand hears it in twenty seconds, and no
#: round keeps the broker or the database busy.
AT_ONCE = 50


class FirstAcks:
    """Publishes an ack for every claimed kiosk, a few at a time. Not thread-safe: one caller."""

    def __init__(self, link: BrokerLink, database: Database, signer: ServerSigner) -> None:
        self._link = link
        self._database = database
        self._signer = signer
        self._after: uuid.UUID | None = None
        self._told = 0
        self.is_done = False

    def publish_some(self) -> None:
        """Publish the next few; to be called while the link is up, until `is_done`."""
        if self.is_done:
            return
        try:
            self._signer.key()
        except SealBrokenError:
            self.is_done = True  # the vault has logged it, once
            return
        with self._database.reading() as db:
            rows = self._next(db)
            acks = [ack_of(db, progress, now()) for progress in rows]
        for ack in acks:
            self._link.publish(topics.ack(ack.kiosk_id), self._signer.sign_ack(ack).to_json())
        self._told += len(acks)
        if len(rows) < AT_ONCE:
            self.is_done = True
            logger.info("kiosks told what the server holds, count=%d", self._told)
        else:
            self._after = rows[-1].kiosk_id

    def _next(self, db: Session) -> list[KioskProgress]:
        query = select(KioskProgress).join(Kiosk, col(Kiosk.id) == col(KioskProgress.kiosk_id))
        query = query.where(Kiosk.state == KioskState.CLAIMED)
        if self._after is not None:
            query = query.where(col(KioskProgress.kiosk_id) > self._after)
        return list(db.exec(query.order_by(col(KioskProgress.kiosk_id)).limit(AT_ONCE)))
