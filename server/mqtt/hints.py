"""What each kiosk should have: computed anew for those that a change of the school can concern."""

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from prometheus_client import Counter
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, select

from server.certificates.links import Links
from server.db.engine import Database
from server.db.types import now
from server.db.vault import Vault
from server.kiosks import configuration, gallery
from server.kiosks.concerns import Concern, concerned
from server.kiosks.school_state import SchoolMark, SchoolState, school_state
from server.kiosks.tables import Kiosk, KioskState
from server.kiosks.whole_school import follow_people

logger = logging.getLogger(__name__)

_SKIPPED = Counter("rollcall_kiosk_hints_skipped", "Kiosks skipped because of their own data.")
_LOOKED = Counter("rollcall_kiosk_hints_looked", "Kiosks whose versions were computed.")

#: Below the time for which a claim waits for the next look at the accounts.
HINTS_S = 1.0
#: As long as nothing that concerns a kiosk changes, only time changes what it should have.
RENEW_S = 3600.0
#: Entries of galleries that one change of people may write before the next hint goes out.
_MOST_AT_ONCE = 50_000
_KIOSKS_AT_ONCE = 200


class _KioskRow(NamedTuple):
    """What is read of every kiosk each second."""

    id: uuid.UUID
    name: str
    room_id: uuid.UUID
    generation: int
    gallery_version: int


@dataclass(frozen=True)
class _KnownKiosk:
    """What a look at a kiosk found.

    Attributes:
        row: the kiosk then.
        config: version of its configuration.
        at_s: when, by the monotonic clock.
    """

    row: _KioskRow
    config: str
    at_s: float

    def is_still(self, row: _KioskRow, *, but_gallery: Collection[uuid.UUID]) -> bool:
        """Whether the kiosk is as it was; where these people change, its gallery may be newer.

        Another server may have brought it up to date already.
        """
        row = row._replace(gallery_version=self.row.gallery_version) if but_gallery else row
        return self.row == row


@dataclass
class _LooksToTake:
    """Which kiosks are to be looked at, those first that have waited longest."""

    ids: dict[uuid.UUID, None] = field(default_factory=dict)
    failing: set[uuid.UUID] = field(default_factory=set)

    def add(self, kiosk_id: uuid.UUID) -> None:
        self.ids.setdefault(kiosk_id)

    def keep(self, kiosk_ids: set[uuid.UUID]) -> None:
        """Forget all others."""
        self.ids = {one: None for one in self.ids if one in kiosk_ids}
        self.failing &= kiosk_ids

    def ordered(self) -> list[uuid.UUID]:
        """Return them; those that failed come last, so that they keep no other from its turn."""
        return sorted(self.ids, key=lambda one: one in self.failing)


class KioskVersions:
    """Follows the school and says what each kiosk should have. One thread."""

    def __init__(
        self, database: Database, vault: Vault, links: Links, *, come_again: Callable[[], None]
    ) -> None:
        """Know nothing yet: every kiosk is looked at first.

        Args:
            database: of the school.
            vault: for the keys that templates are sealed with.
            links: what the school and its authorities are called.
            come_again: called where the next round should come at once.
        """
        self._database = database
        self._vault = vault
        self._links = links
        self._come_again = come_again
        self._school = configuration.school_info(links)
        self._mark: SchoolMark | None = None
        self._everywhere: tuple[str, str] | None = None
        self._known: dict[uuid.UUID, _KnownKiosk] = {}
        self._waiting = _LooksToTake()

    def current(self) -> Iterator[tuple[str, int, str]]:
        """Yield each kiosk's id, gallery and configuration, as soon as they are known.

        First what is known without a look, then each kiosk that was looked at again. With many
        kiosks a change of the whole school takes a while. After `HINTS_S` the rest waits for the
        next round, which comes at once: accounts of new kiosks come between.
        """
        state, rows = self._follow()
        for row in rows:
            yield from self._known_of(row.id)
        end_s = time.monotonic() + HINTS_S
        for number, kiosk_id in enumerate(self._waiting.ordered()):
            if number and time.monotonic() >= end_s:
                self._come_again()
                break
            self._look_at_apart(kiosk_id, state)
            yield from self._known_of(kiosk_id)

    def _follow(self) -> tuple[SchoolState, Sequence[_KioskRow]]:
        """Read what changed, and note which kiosks are to be looked at.

        The mark moves only once all of them are noted, so an error in between loses none. What is
        committed later has a later mark, also where a look at a kiosk sees it already.
        """
        at = now()
        school = configuration.school_info(self._links)
        if school != self._school:  # an authority was renewed: every configuration is new
            self._school, self._mark = school, None
        with self._database.reading() as db:
            state = school_state(db, self._vault, self._school.zone, at)
            rows = _claimed(db)
            found = concerned(db, self._mark, state, at)
            everywhere = self._everywhere
            if found.people or found.kiosks is None:
                everywhere = (state.resemblances, configuration.people_everywhere(db))
        self._await(rows, found)
        if found.people:
            self._follow_people(state, len(found.people))
        if everywhere != self._everywhere:  # in every configuration
            self._await(rows, Concern(None))
        self._mark, self._everywhere = state.mark, everywhere
        self._renew_oldest()
        return state, rows

    def _await(self, rows: Sequence[_KioskRow], found: Concern) -> None:
        """Note which of the claimed kiosks are to be looked at, and forget all others."""
        for row in rows:
            known = self._known.get(row.id)
            is_concerned = found.kiosks is None or row.id in found.kiosks
            if known is None or is_concerned or not known.is_still(row, but_gallery=found.people):
                self._waiting.add(row.id)
        claimed = {row.id for row in rows}
        self._waiting.keep(claimed)
        self._known = {key: one for key, one in self._known.items() if key in claimed}

    def _follow_people(self, state: SchoolState, count: int) -> None:
        """Bring the galleries of all kiosks that need no look up to date; the others wait."""
        others = [key for key in self._known if key not in self._waiting.ids]
        if count * len(others) > _MOST_AT_ONCE:
            for key in others:
                self._waiting.add(key)
            return
        for first in range(0, len(others), _KIOSKS_AT_ONCE):
            part = others[first : first + _KIOSKS_AT_ONCE]
            with self._database.transaction() as db:
                done = follow_people(db, part, state, most=count)
            for key in part:
                if key in done:
                    known = self._known[key]
                    row = known.row._replace(gallery_version=done[key])
                    self._known[key] = replace(known, row=row)
                else:
                    self._waiting.add(key)

    def _renew_oldest(self) -> None:
        """Look at one kiosk that nothing concerned for long, where nothing else is to be done."""
        oldest = min(self._known.values(), key=lambda one: one.at_s, default=None)
        if oldest is None or self._waiting.ids:
            return
        if time.monotonic() - oldest.at_s >= RENEW_S:
            self._waiting.add(oldest.row.id)

    def _known_of(self, kiosk_id: uuid.UUID) -> Iterator[tuple[str, int, str]]:
        if (known := self._known.get(kiosk_id)) is not None:
            yield str(kiosk_id), known.row.gallery_version, known.config

    def _look_at_apart(self, kiosk_id: uuid.UUID, state: SchoolState) -> None:
        """Look at one kiosk in a separate transaction, so that a fault stays with it."""
        try:
            self._look_at(kiosk_id, state)
        except OperationalError:
            raise  # the database, not the kiosk
        except Exception:  # one kiosk must not stop the others
            if kiosk_id not in self._waiting.failing:
                logger.exception("kiosk skipped, its versions cannot be computed id=%s", kiosk_id)
            self._waiting.failing.add(kiosk_id)
            _SKIPPED.inc()
        else:
            self._waiting.failing.discard(kiosk_id)
            self._waiting.ids.pop(kiosk_id, None)
            _LOOKED.inc()

    def _look_at(self, kiosk_id: uuid.UUID, state: SchoolState) -> None:
        """Note a kiosk's versions; one whose gallery is up to date is only read, without locks."""
        with self._database.reading() as db:
            kiosk = db.get_one(Kiosk, kiosk_id)
            is_current = kiosk.gallery_source == state.source_for(kiosk)
            if is_current and kiosk.state == KioskState.CLAIMED:
                self._note(db, kiosk)
            if is_current:
                return
        with self._database.transaction() as db:
            kiosk = db.get_one(Kiosk, kiosk_id, with_for_update=True)
            if kiosk.state == KioskState.CLAIMED:
                gallery.refresh(db, kiosk, state, at=now())
                self._note(db, kiosk)

    def _note(self, db: Session, kiosk: Kiosk) -> None:
        document = configuration.build(db, kiosk, self._school, now())
        row = _KioskRow(*(getattr(kiosk, name) for name in _KioskRow._fields))
        self._known[kiosk.id] = _KnownKiosk(row, document.version, time.monotonic())


def _claimed(db: Session) -> list[_KioskRow]:
    columns = (getattr(Kiosk, name) for name in _KioskRow._fields)
    query = select(*columns).where(Kiosk.state == KioskState.CLAIMED).order_by(Kiosk.id)
    return [_KioskRow(*row) for row in db.exec(query)]
