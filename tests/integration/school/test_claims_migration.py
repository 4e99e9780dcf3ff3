"""Kiosks that were claimed before claims had numbers keep their key and token in the history."""

from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlmodel import select

from server.kiosks.tables import KioskClaim
from server.migrations import runner
from tests.support.migrating import migrate

if TYPE_CHECKING:
    from server.db.engine import Database

CLAIMED, REVOKED, NEW = (f"{number:032x}" for number in (1, 2, 3))
MADE, CLAIMED_AT, REVOKED_AT = (f"'2026-11-0{day} 08:00:00+00:00'" for day in (1, 2, 3))


def _kiosk(kiosk_id: str, state: str, key: str, claimed_at: str, revoked_at: str) -> str:
    return (
        "INSERT INTO kiosks (id, name, room_id, state, created_at, claimed_at, revoked_at,"
        " signing_key, generation, gallery_version, gallery_source, is_online) VALUES"
        f" ('{kiosk_id}', 'Kiosk {state}', '{CLAIMED}', '{state}', {MADE}, {claimed_at},"
        f" {revoked_at}, {key}, 3, 0, '', false)"
    )


def test_claims_of_before_are_number_nought_with_their_key(database: "Database") -> None:
    migrate(database, "0012")
    rows = (
        f"INSERT INTO rooms (id, name, created_at) VALUES ('{CLAIMED}', 'R12', {MADE})",
        _kiosk(CLAIMED, "claimed", "'key one'", CLAIMED_AT, "NULL"),
        _kiosk(REVOKED, "revoked", "'key two'", CLAIMED_AT, REVOKED_AT),
        _kiosk(NEW, "new", "NULL", "NULL", "NULL"),
    )
    with database.engine.begin() as connection:
        for row in rows:
            connection.execute(text(row))
    runner.upgrade(database)
    runner.check(database)
    with database.reading() as db:
        found = sorted(db.exec(select(KioskClaim)), key=lambda row: row.signing_key)
    claimed, revoked = found
    assert (claimed.number, claimed.signing_key, claimed.until_at) == (0, "key one", None)
    assert (revoked.number, revoked.signing_key) == (0, "key two")
    assert [row.from_at.day for row in found] == [2, 2]
    assert revoked.until_at is not None
    assert revoked.until_at.day == 3
    migrate(database, "0012")
    runner.upgrade(database)
