"""Who is signed in with a cookie: looked up, and remembered for a few seconds."""

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy.exc import OperationalError

from server.accounts.sessions import principal_of, touch
from server.accounts.tables import Account, SecondFactor, SecondFactorRole, SignIn
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.db.watch import names
from server.web.principal import Principal

_logger = logging.getLogger(__name__)

#: How long an answer is good for. Another process that shares the database, or the passing of time,
#: may end a sign-in meanwhile.
KEPT_FOR = timedelta(seconds=5)
_MOST = 10_000
#: How long a page waits, in seconds, to note that a sign-in was used; the next page tries again.
_NOTE_WAIT_S = 0.2

_CHANGED = names([Account, SignIn, SecondFactor, SecondFactorRole])
#: A new row of these says nothing about a sign-in that is known.
_ADDED = names([Account, SignIn])
_USED = "UPDATE sign_ins SET last_seen_at="


class RecentSignIns:
    """Looks up whose cookie it is. Safe to share between threads.

    Whatever this process commits about accounts and sign-ins ends all that is remembered, so a
    sign-out, a new password or a disabled account counts at once.
    """

    def __init__(
        self, settings: Settings, database: Database, read_cookie: Callable[[str], str | None]
    ) -> None:
        """Remember nothing.

        Args:
            settings: how long sign-ins last.
            database: where they are; it is watched for changes.
            read_cookie: returns the token of a cookie; None: its signature is not ours.
        """
        self._settings = settings
        self._database = database
        self._read_cookie = read_cookie
        self._lock = threading.Lock()
        self._known: dict[bytes, tuple[Principal, datetime]] = {}
        self._changes = 0
        database.watch(_is_about_sign_ins, self._forget)

    def recall(self, cookie: str) -> Principal | None:
        """Return who is signed in with a cookie if that is remembered; waits for nothing."""
        found = self._known.get(_key(cookie))
        if found is None:
            return None
        principal, noted_at = found
        return principal if timedelta(0) <= now() - noted_at < KEPT_FOR else None

    def authenticate(self, cookie: str) -> Principal | None:
        """Return who is signed in with a cookie; None: nobody is."""
        token = self._read_cookie(cookie)
        if token is None:
            return None
        at, changes = now(), self._changes
        with self._database.reading() as db:
            found = principal_of(db, self._settings, token=token, at=at)
        if found is None:
            return None
        principal, is_stale = found
        self._remember(cookie, principal, at, changes)
        if is_stale:
            self._note_use(token)
        return principal

    def _remember(self, cookie: str, principal: Principal, at: datetime, changes: int) -> None:
        with self._lock:
            if changes != self._changes:  # what was read may be old by now
                return
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[_key(cookie)] = (principal, at)

    def _forget(self) -> None:
        with self._lock:
            self._changes += 1
            self._known.clear()

    def _note_use(self, token: str) -> None:
        try:
            with self._database.transaction(_NOTE_WAIT_S) as db:
                touch(db, token=token, at=now())
        except OperationalError as exc:
            # Reading goes on while another request writes for long, or the disk is full.
            _logger.warning("last use of a sign-in not noted: %s", type(exc).__name__)


def _is_about_sign_ins(verb: str, table: str, statement: str) -> bool:
    if table not in _CHANGED or (verb == "INSERT INTO" and table in _ADDED):
        return False
    # To note a use changes nothing else; every sign-in in use does so each minute.
    is_only_used = statement.startswith(_USED) and "," not in statement.partition(" WHERE ")[0]
    return not is_only_used


def _key(cookie: str) -> bytes:
    return sha256(cookie.encode()).digest()
