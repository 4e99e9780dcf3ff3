"""Keep the broker in step with the database: kiosks' accounts, and hints of what is new."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy.exc import SQLAlchemyError

from protocol.v1 import topics
from protocol.v1.messages import VersionHint
from server.certificates.links import Links
from server.credentials.service import version_of as credential_version
from server.db.engine import Database
from server.db.lock import BROKER_ACCOUNTS_LOCK, lock_until_commit
from server.db.types import now
from server.db.vault import Vault
from server.mqtt.accounts import (
    ACCOUNTS_PER_MESSAGE,
    BrokerAccounts,
    BrokerError,
    DynamicSecurityAccounts,
)
from server.mqtt.hints import KioskVersions
from server.mqtt.kiosk_accounts import read_accounts, wanted_accounts
from server.mqtt.link import BrokerLink

logger = logging.getLogger(__name__)

INTERVAL_S = 1.0
ADMIT_TIMEOUT_S = 2.0


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
        self._accounts: BrokerAccounts = DynamicSecurityAccounts(link.control)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._versions = KioskVersions(database, vault, links, come_again=self._wake.set)
        self._accounts_kept = threading.Condition()
        self._is_failing = False
        self._told = _Told()
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
        for kiosk_id, number, config in self._versions.current():
            version = (number, config, credentials)
            if self._told.hints.get(kiosk_id) == version:
                continue
            hint = VersionHint(
                gallery=number, config=config, credentials=credentials, issued_at=now()
            )
            self._link.publish(topics.hint(kiosk_id), hint.to_json(), retain=True)
            self._told.hints[kiosk_id] = version
