"""Let a broker know the claimed kiosks before it starts.

Mosquitto writes its whole file after each account that it is told of, so 1,000 of them take it
more than a minute.
"""

import logging
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import SQLAlchemyError

from server.config import Settings
from server.errors import ServerError
from server.mqtt.security import SecurityDocument

logger = logging.getLogger(__name__)

_CONNECT_TIMEOUT_S = 5


def fill(document: SecurityDocument, settings: Settings) -> int:
    """Put the accounts of kiosks that a broker lacks into its document.

    Where the database cannot be read from here, the server tells the broker when it connects.

    Returns:
        How many were put in.
    """
    try:
        address = _address(settings)
        return 0 if address is None else _fill(document, settings, address)
    except (SQLAlchemyError, ServerError, OSError) as exc:
        logger.info("accounts not read from the database: %s", type(exc).__name__)
        return 0


def _address(settings: Settings) -> URL | None:
    """Return the address of the database; None: a file that a server has yet to make."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() != "sqlite":
        return url.update_query_dict({"connect_timeout": str(_CONNECT_TIMEOUT_S)})
    return url if url.database and Path(url.database).is_file() else None


def _fill(document: SecurityDocument, settings: Settings, address: URL) -> int:
    from server.db.engine import Database  # these take a second, and many brokers need none
    from server.db.vault import find_vault
    from server.mqtt.kiosk_accounts import read_accounts, wanted_accounts

    vault = find_vault(settings)
    if vault is None:
        return 0
    database = Database(address.render_as_string(hide_password=False))
    try:
        with database.reading() as db:
            lacking = [
                name
                for name, generation in wanted_accounts(db).items()
                if document.clients.get(name, {}).get("textname") != generation
            ]
            accounts = read_accounts(db, vault, lacking)
    finally:
        database.close()
    for account in accounts:
        document.put_kiosk(account.kiosk_id, account.password, account.generation)
    return len(accounts)
