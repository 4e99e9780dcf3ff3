"""Whose API token a request came with. Wrong ones are counted as wrong passwords are."""

import logging
from datetime import datetime

from sqlalchemy.exc import OperationalError

from server.accounts.refusals import note_wrong_token
from server.accounts.throttle import Throttle, take, too_many, waiting
from server.config import Settings
from server.db.engine import Database
from server.db.types import now
from server.errors import InvalidTokenError
from server.tokens import service
from server.tokens.service import FoundToken
from server.tokens.tables import APIToken
from server.tokens.text import is_token
from server.web.principal import Principal

_logger = logging.getLogger(__name__)
#: How long a request waits, in seconds, to note that a token was used; the next one tries again.
_NOTE_WAIT_S = 0.2


class TokenSignIns:
    """Looks up tokens. Nothing is remembered, so whatever ends a token counts at once."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._database = database
        self._throttle = Throttle(settings)

    def authenticate(self, text: str, address: str) -> Principal:
        """Return the account of a token. See `server.web.ports.AuthenticateToken`.

        A right token is looked up before anything is counted: 256 bits cannot be guessed, so an
        address with wrong tokens does not keep out the right ones from there.

        Args:
            text: as sent.
            address: mark of the network address.

        Raises:
            InvalidTokenError: it is unknown or over.
            TooManyAttemptsError: too many of these came from this address.
        """
        at = now()
        found = None
        if is_token(text):
            with self._database.reading() as db:
                found = service.find(db, text, at)
        if found is None or found.principal is None:
            self._refuse(found, address, at)
            raise InvalidTokenError
        self._note_use(found.token, at)
        return found.principal

    def _refuse(self, found: FoundToken | None, address: str, at: datetime) -> None:
        by = self._throttle.for_token(address)
        with self._database.reading() as db:
            until = waiting(db, by, at)
        if until is not None:
            raise too_many(until, at)
        with self._database.transaction() as db:
            take(db, by, at)
            note_wrong_token(db, found.token.id if found else None, at)

    def _note_use(self, token: APIToken, at: datetime) -> None:
        day = at.astimezone(self._settings.zone).date()
        if token.last_used_on == day:
            return
        try:
            with self._database.transaction(_NOTE_WAIT_S) as db:
                service.note_use(db, token, day)
        except OperationalError as exc:
            # Reading goes on while another request writes for long, or the disk is full.
            _logger.warning("last use of a token not noted: %s", type(exc).__name__)
