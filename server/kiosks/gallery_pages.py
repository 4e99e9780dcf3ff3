"""Answer a kiosk that asks for its gallery; one for which nothing changed locks nothing."""

import uuid
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlmodel import Session

from protocol.v1.messages import GalleryPage
from server.db.engine import Database
from server.db.vault import Vault
from server.kiosks import gallery, service
from server.kiosks.concerns import may_differ
from server.kiosks.school_state import school_state


@dataclass(frozen=True)
class PageRequest:
    """What a kiosk asks for.

    Attributes:
        kiosk_id: who asks.
        since: the last change it has.
        limit: most entries of the page.
        at: the server's clock.
    """

    kiosk_id: uuid.UUID
    since: int
    limit: int
    at: datetime


def current_page(
    database: Database, vault: Vault, zone: ZoneInfo, asked: PageRequest
) -> GalleryPage:
    """Return the page of a kiosk's gallery that follows a change, as of now.

    After a restart every kiosk asks, and for most nothing changed: they are answered from a
    snapshot. The write lock is held only while a gallery is brought up to date, not while its
    templates are encrypted for the kiosk.
    """
    with database.reading() as db:
        found = _page_if_current(db, vault, zone, asked)
    if found is not None:
        return found
    with database.transaction() as db:
        kiosk = service.kiosk_of(db, asked.kiosk_id, for_update=True)
        state = school_state(db, vault, zone, asked.at)
        gallery.refresh(db, kiosk, state, at=asked.at)
    with database.reading() as db:
        found = _page_if_current(db, vault, zone, asked)
    return found or _marking_page(database, vault, asked)


def _page_if_current(
    db: Session, vault: Vault, zone: ZoneInfo, asked: PageRequest
) -> GalleryPage | None:
    """Return the page where the gallery is up to date; None: something has to be written."""
    kiosk = service.kiosk_of(db, asked.kiosk_id)
    state = school_state(db, vault, zone, asked.at)
    if may_differ(db, kiosk, state, asked.at):
        return None
    page = gallery.page(db, vault, kiosk, since=asked.since, limit=asked.limit)
    return None if db.dirty else page


def _marking_page(database: Database, vault: Vault, asked: PageRequest) -> GalleryPage:
    """Return the page, and mark the entries that cannot be read to be offered again later."""
    with database.transaction() as db:
        kiosk = service.kiosk_of(db, asked.kiosk_id, for_update=True)
        return gallery.page(db, vault, kiosk, since=asked.since, limit=asked.limit)
