"""Keep the broker in step with the database: kiosks' accounts, and hints of what is new."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client import Counter
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session, select

from protocol.v1 import topics
from protocol.v1.messages import VersionHint
from server.certificates.links import Links
from server.credentials.service import version_of as credential_version
from server.db.engine import Database
from server.db.lock import BROKER_ACCOUNTS_LOCK, lock_until_commit
from server.db.types import now
from server.db.vault import Vault
from server.kiosks import configuration, gallery
from server.kiosks.school_state import SchoolState, school_state
from server.kiosks.tables import Kiosk, KioskState
from server.mqtt.accounts import (
    ACCOUNTS_PER_MESSAGE,
    BrokerAccounts,
    BrokerError,
    DynamicSecurityAccounts,
)
from server.mqtt.kiosk_accounts import read_accounts, wanted_accounts
from server.mqtt.link import BrokerLink

logger = logging.getLogger(__name__)

_SKIPPED = Counter("rollcall_kiosk_hints_skipped", "Kiosks skipped because of their own data.")

INTERVAL_S = 1.0
ADMIT_TIMEOUT_S = 2.0
#: Below `ADMIT_TIMEOUT_S`, for which a claim waits for the next look at the accounts.
HINTS_S = 1.0


@dataclass
class _Told:
    """What the broker is known to hold; forgotten whenever the connection was lost."""

    connection: int = 0
    accounts: dict[str, str] | None = None
    hints: dict[str, tuple[int, str, str]] = field(default_factory=dict)


class Housekeeper:
    """A thread that looks at the database every second and tells the broker what differs.

    Because it compares, and does not react, nothing is lost while the broker is away: a kiosk
    claimed or revoked meanwhile gets or loses its account at the next connect, and a broker that
    lost its accounts gets them all back.
    """

    def __init__(
        self,
        link: BrokerLink,
        database: Database,
        vault: Vault,
        links: Links,
        *,
        each_round: Callable[[], None] = lambda: None,
    ) -> None:
        self._link = link
        self._each_round = each_round
        self._database = database
        self._vault = vault
        self._links = links
        self._school = configuration.school_info(links)
        self._accounts: BrokerAccounts = DynamicSecurityAccounts(link.control)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._accounts_kept = threading.Condition()
        self._is_failing = False
        self._told = _Told()
        self._sources: dict[str, tuple[str, int, str]] = {}
        self._failing: set[str] = set()
        self._thread = threading.Thread(target=self._run, name="housekeeping", daemon=True)
        link.when_connected(self._wake.set)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout=15)

    def admit(self, kiosk_id: str, generation: int) -> bool:
        """Let a kiosk that has just claimed have its account now, not within the next second.

        Waits for it, but not for long: a broker that is away gets the account when it is back.

        Returns:
            Whether the broker holds the account.
        """

        def is_held() -> bool:
            held = self._told.accounts or {}
            return held.get(kiosk_id) == str(generation)

        if not self._link.is_connected:
            return False
        self._wake.set()
        with self._accounts_kept:
            return self._accounts_kept.wait_for(is_held, ADMIT_TIMEOUT_S)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait(INTERVAL_S)
            self._wake.clear()
            if self._link.is_connected and not self._stopping.is_set():
                self._round()

    def _round(self) -> None:
        try:
            if self._told.connection != self._link.connections:
                self._told = _Told(connection=self._link.connections)
            self._keep_accounts()
            with self._accounts_kept:
                self._accounts_kept.notify_all()
            self._keep_hints()
            self._each_round()
        except (BrokerError, SQLAlchemyError):
            self._told.accounts = None
            if not self._is_failing:
                self._is_failing = True
                logger.exception("the broker's accounts could not be kept; trying again")
        except Exception:
            logger.exception("housekeeping failed; trying again")
        else:
            if self._is_failing:
                self._is_failing = False
                logger.info("the broker's accounts are in step again")

    def _keep_accounts(self) -> None:
        """Change what differs, unless another server has: its kiosks would be cut off again."""
        if self._told.accounts == self._wanted_accounts():
            return
        with self._database.reading() as db:
            lock_until_commit(db, BROKER_ACCOUNTS_LOCK)
            self._told.accounts = self._accounts.generations()
            self._bring_in_step(self._told.accounts, self._wanted_accounts())

    def _bring_in_step(self, held: dict[str, str], wanted: dict[str, str]) -> None:
        for kiosk_id in [name for name in held if name not in wanted]:
            self._accounts.remove(kiosk_id)
            del held[kiosk_id]
            logger.info("kiosk %s lost its account on the broker", kiosk_id)
        lacking = [name for name, number in wanted.items() if held.get(name) != number]
        for start in range(0, len(lacking), ACCOUNTS_PER_MESSAGE):
            if self._stopping.is_set():
                return
            self._add(lacking[start : start + ACCOUNTS_PER_MESSAGE], held)

    def _add(self, kiosk_ids: list[str], held: dict[str, str]) -> None:
        """Make accounts of kiosks, but of those that were revoked in this moment."""
        with self._database.reading() as db:
            accounts = read_accounts(db, self._vault, kiosk_ids)
        self._accounts.add(*accounts)
        for one in accounts:
            held[one.kiosk_id] = one.generation
            logger.info("kiosk %s has an account on the broker", one.kiosk_id)

    def _wanted_accounts(self) -> dict[str, str]:
        with self._database.reading() as db:
            return wanted_accounts(db)

    def _keep_hints(self) -> None:
        with self._database.reading() as db:
            credentials = str(credential_version(db))
        for kiosk_id, number, config in self._current_versions():
            version = (number, config, credentials)
            if self._told.hints.get(kiosk_id) == version:
                continue
            hint = VersionHint(
                gallery=number, config=config, credentials=credentials, issued_at=now()
            )
            self._link.publish(topics.hint(kiosk_id), hint.to_json(), retain=True)
            self._told.hints[kiosk_id] = version

    def _current_versions(self) -> Iterator[tuple[str, int, str]]:
        """Yield what each kiosk should have, as soon as it is known.

        With many kiosks a change of the school takes a while. After `HINTS_S` the rest waits for
        the next round, which comes at once: accounts of new kiosks come between.
        """
        at = now()
        school = configuration.school_info(self._links)
        if school != self._school:  # an authority was renewed: every configuration is new
            self._school, self._sources = school, {}
        with self._database.reading() as db:
            state = school_state(db, self._vault, self._school.zone, at)
            kiosks = list(db.exec(select(Kiosk).where(Kiosk.state == KioskState.CLAIMED)))
        stale = self._stale(kiosks, state)
        end_s = time.monotonic() + HINTS_S
        for number, kiosk in enumerate(stale):
            if number and time.monotonic() >= end_s:
                self._wake.set()
                break
            self._look_at_apart(kiosk, state)
            yield from self._known(kiosk)
        claimed = {kiosk.wire_id for kiosk in kiosks}
        for gone in self._sources.keys() - claimed:
            del self._sources[gone]
        for kiosk in kiosks:
            yield from self._known(kiosk)

    def _known(self, kiosk: Kiosk) -> Iterator[tuple[str, int, str]]:
        if kiosk.wire_id in self._sources:
            _, number, config = self._sources[kiosk.wire_id]
            yield kiosk.wire_id, number, config

    def _stale(self, kiosks: list[Kiosk], state: SchoolState) -> list[Kiosk]:
        """Return the kiosks to look at, those first that were looked at longest ago.

        Those that failed come last, so that they keep no other from its turn.
        """
        order = {name: place for place, name in enumerate(self._sources)}
        stale = [kiosk for kiosk in kiosks if self._is_stale(kiosk, state.source_for(kiosk))]
        return sorted(
            stale,
            key=lambda kiosk: (kiosk.wire_id in self._failing, order.get(kiosk.wire_id, -1)),
        )

    def _is_stale(self, kiosk: Kiosk, source: str) -> bool:
        known = self._sources.get(kiosk.wire_id)
        return known is None or known[0] != source or known[1] != kiosk.gallery_version

    def _look_at_apart(self, kiosk: Kiosk, state: SchoolState) -> None:
        """Look at one kiosk in a separate transaction, so that a fault stays with it."""
        try:
            is_current = kiosk.gallery_source == state.source_for(kiosk)
            database = self._database
            with database.reading() if is_current else database.transaction() as db:
                self._look_at(db, kiosk, state, is_current=is_current)
        except OperationalError:
            raise  # the database, not the kiosk
        except Exception:  # one kiosk must not stop the others
            if kiosk.wire_id not in self._failing:
                logger.exception("kiosk skipped, its versions cannot be computed id=%s", kiosk.id)
            self._failing.add(kiosk.wire_id)
            _SKIPPED.inc()
        else:
            self._failing.discard(kiosk.wire_id)

    def _look_at(self, db: Session, kiosk: Kiosk, state: SchoolState, *, is_current: bool) -> None:
        """Note a kiosk's versions; one whose gallery is up to date is only read, without locks."""
        fresh = db.get(Kiosk, kiosk.id, with_for_update=not is_current)
        if fresh is None or fresh.state != KioskState.CLAIMED:
            return
        at = now()
        if not is_current:
            gallery.refresh(db, fresh, state, at=at)
        document = configuration.build(db, fresh, self._school, at)
        source = state.source_for(fresh)
        self._sources.pop(fresh.wire_id, None)  # so that the last one looked at is the last one
        self._sources[fresh.wire_id] = (source, fresh.gallery_version, document.version)
