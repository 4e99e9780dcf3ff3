"""PINs made ahead of a transaction: each costs about 30 ms, and others wait for the write lock."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session, select

from protocol.v1.checkin import PIN_DIGITS, pin_base
from server.credentials import keys
from server.credentials.tables import Pin
from server.db.engine import Database
from server.db.vault import Vault


@dataclass(frozen=True)
class NewPin:
    """A PIN and what Argon2id makes of it; see `protocol.v1.checkin.pin_base`."""

    pin: str
    base: bytes


class NewPins:
    """A supply of PINs for one transaction. One that lasts too short is filled there."""

    def __init__(self, ready: Iterable[NewPin] = ()) -> None:
        self._ready = list(ready)

    def take(self, db: Session, vault: Vault) -> NewPin:
        """Return a PIN that nobody has. The credential lock must be held."""
        while self._ready:
            one = self._ready.pop()
            if _is_free(db, vault, one.pin):  # another transaction may have given it meanwhile
                return one
        return _stretched(_free_pin(db, vault), keys.pin_salt(db, vault))


def make_ahead(database: Database, vault: Vault, count: int) -> NewPins:
    """Make a number of PINs while no transaction is open; nothing is written that names them."""
    if count == 0:
        return NewPins()
    with database.reading() as db:
        has_keys = keys.have_school_keys(db)
    if not has_keys:
        with database.transaction() as db:
            keys.make_school_keys(db, vault)
    with database.reading() as db:
        salt = keys.pin_salt(db, vault)
        chosen: set[str] = set()
        while len(chosen) < count:
            chosen.add(_free_pin(db, vault))
    return NewPins(_stretched(pin, salt) for pin in chosen)


def _stretched(pin: str, salt: bytes) -> NewPin:
    return NewPin(pin, pin_base(pin, salt))


def _free_pin(db: Session, vault: Vault) -> str:
    """Return a random PIN that nobody has."""
    while True:
        pin = f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}"
        if _is_free(db, vault, pin):
            return pin


def _is_free(db: Session, vault: Vault, pin: str) -> bool:
    lookup = keys.pin_lookup(db, vault, pin)
    return db.exec(select(Pin.holder_id).where(Pin.lookup_hash == lookup)).first() is None
