"""Which configuration each kiosk was given, and whether it is still the same without building it.

A document depends on the state of the school, on its kiosk, on the settings and on the time. All
of them are compared here. The state and its log of changes are those by which kiosks get hints
(`server.kiosks.concerns`); the moments at which time alone changes a document are known when it is
built. Where anything is unsure the document is built again, which costs time and hides nothing.
"""

import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Lock

import sqlalchemy
from sqlmodel import Session, col, func, select

from protocol.v1.messages import ConfigDocument
from protocol.v1.sync import MAX_PEOPLE
from server.certificates.links import Links
from server.db.vault import Vault
from server.kiosks import configuration
from server.kiosks.concerns import concerned
from server.kiosks.configuration import ELSEWHERE_HORIZON, RECENT, SchoolInfo
from server.kiosks.gallery import HORIZON
from server.kiosks.school_state import SchoolMark, SchoolState, school_state
from server.kiosks.tables import Kiosk
from server.timetable.tables import Lesson

#: Well within the time by which `concerned` looks further than documents do.
_LONGEST = timedelta(hours=12)
#: Kiosks that are remembered; the configuration of one that is forgotten is built again.
_MOST_KNOWN = 20_000


@dataclass(frozen=True)
class _Given:
    """A document that was built.

    Attributes:
        version: of the document.
        about: what it says of its kiosk; see `_about`.
        school: what the settings said.
        mark: the state of the school; the document is of this state or a later one.
        since: when it was built, UTC.
        until: when time alone may change it, UTC.
    """

    version: str
    about: tuple[object, ...]
    school: SchoolInfo
    mark: SchoolMark
    since: datetime
    until: datetime


class KnownConfigurations:
    """Builds configurations and remembers their versions. Safe from any thread.

    Args:
        links: what the school and its authorities are called.
        vault: for the keys, which are a part of the state of the school.
    """

    def __init__(self, links: Links, vault: Vault) -> None:
        self._links = links
        self._vault = vault
        self._given: dict[uuid.UUID, _Given] = {}
        self._lock = Lock()

    def unchanged(self, db: Session, kiosk: Kiosk, at: datetime) -> str | None:
        """Return the version of a kiosk's configuration where it is surely the one built last.

        Args:
            db: the caller's.
            kiosk: who asks, as it is now.
            at: now, UTC.

        Returns:
            None where it has to be built to know.
        """
        given = self._given.get(kiosk.id)
        if given is None or not given.since <= at < given.until or given.about != _about(kiosk):
            return None
        if given.school != configuration.school_info(self._links):
            return None
        state = self._state(db, at)
        if concerned(db, given.mark, state, at, only=kiosk.id).may_concern(kiosk.id):
            return None
        if state.mark != given.mark:
            self._note(kiosk.id, replace(given, mark=state.mark), instead_of=given)
        return given.version

    def build(self, db: Session, kiosk: Kiosk, at: datetime) -> ConfigDocument:
        """Return a kiosk's configuration, and remember its version."""
        state = self._state(db, at)  # first: what is committed meanwhile has a later mark
        school = configuration.school_info(self._links)
        document = configuration.build(db, kiosk, school, at)
        until = _until(db, kiosk, document, at)
        given = _Given(document.version, _about(kiosk), school, state.mark, at, until)
        self._note(kiosk.id, given, instead_of=None)
        return document

    def _state(self, db: Session, at: datetime) -> SchoolState:
        return school_state(db, self._vault, self._links.settings.zone, at)

    def _note(self, kiosk_id: uuid.UUID, given: _Given, *, instead_of: _Given | None) -> None:
        with self._lock:
            known = self._given.pop(kiosk_id, None)
            is_outdated = instead_of is not None and known is not instead_of
            if len(self._given) >= _MOST_KNOWN:
                del self._given[next(iter(self._given))]
            self._given[kiosk_id] = known if known is not None and is_outdated else given


def _about(kiosk: Kiosk) -> tuple[object, ...]:
    return (kiosk.room_id, kiosk.name, kiosk.generation)


def _until(db: Session, kiosk: Kiosk, document: ConfigDocument, at: datetime) -> datetime:
    """Return the first moment at which a lesson may come into a document or leave it."""
    if len(document.elsewhere) >= MAX_PEOPLE:
        return at  # it may be cut, and does not name what ends next
    moments = [at + _LONGEST]
    moments += [one.ends_at + RECENT for one in document.lessons]
    moments += [one.ends_at for one in document.elsewhere]
    own, elsewhere = db.execute(_COMING, _coming(kiosk, at)).one()
    moments += [] if own is None else [own - HORIZON]
    moments += [] if elsewhere is None else [elsewhere - ELSEWHERE_HORIZON]
    return min(moments)


def _first(*conditions: sqlalchemy.ColumnElement[bool]) -> sqlalchemy.ScalarSelect[datetime]:
    return select(func.min(Lesson.starts_at)).where(*conditions).scalar_subquery()


def _coming(kiosk: Kiosk, at: datetime) -> dict[str, object]:
    return {
        "room": kiosk.room_id,
        "own_from": at + HORIZON,
        "elsewhere_from": at + ELSEWHERE_HORIZON,
    }


_COMING = sqlalchemy.select(
    _first(
        col(Lesson.room_id) == sqlalchemy.bindparam("room"),
        col(Lesson.starts_at) >= sqlalchemy.bindparam("own_from"),
    ),
    _first(col(Lesson.starts_at) >= sqlalchemy.bindparam("elsewhere_from")),
)
